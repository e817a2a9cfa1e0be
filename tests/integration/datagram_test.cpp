// UDP: what comes back, what does not and how that is counted, and the drain.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/foreign.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Datagrams : public WithDriver {
  protected:
    static Daemon::Options echo(std::vector<std::string> more = {}, std::string ledger = "off") {
        return {.arguments = flags(std::move(more)), .listen = {"udp://127.0.0.1:0"}, .ledger = std::move(ledger)};
    }
};
INSTANTIATE_TEST_SUITE_P(Drivers, Datagrams, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

// A plain UDP socket, at an address of its own where one is named.
class Peer {
  public:
    explicit Peer(const std::string& from = "udp://127.0.0.1:0")
        : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const Endpoint local = Endpoint::parse(from);
        EXPECT_EQ(::bind(socket_.fd(), local.address(), local.length), 0) << from;
        wait_at_most(patience());
    }

    void send(const Endpoint& to, std::string_view text) const {
        EXPECT_EQ(::sendto(socket_.fd(), text.data(), text.size(), 0, to.address(), to.length),
                  static_cast<ssize_t>(text.size()));
    }

    // The next datagram; nullopt: none came in time.
    std::optional<std::string> receive() const {
        std::string text(65'536, '\0');
        const ssize_t count = ::recv(socket_.fd(), text.data(), text.size(), 0);
        if (count < 0) {
            return std::nullopt;
        }
        text.resize(static_cast<std::size_t>(count));
        return text;
    }

    std::optional<std::string> exchange(const Endpoint& with, std::string_view text) const {
        send(with, text);
        return receive();
    }

    void wait_at_most(milliseconds limit) const {
        const timeval time{.tv_sec = limit.count() / 1000, .tv_usec = limit.count() % 1000 * 1000};
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    }

  private:
    Socket socket_;
};

// The number behind ` key=` in the summary of the datagrams; nullopt where there is none.
std::optional<std::uint64_t> counted(const Daemon& daemon, const std::string& key) {
    const std::string log = daemon.log();
    const std::size_t line = log.find(" datagrams received=");
    const std::string mark = " " + key + "=";
    const std::size_t at = line == std::string::npos ? line : log.find(mark, line);
    return at == std::string::npos ? std::nullopt : std::optional(std::stoull(log.substr(at + mark.size())));
}

TEST_P(Datagrams, ForeignClientsGetTheirsBack) {
    Daemon daemon(echo());
    EXPECT_EQ(filtered(program("socat", {"-t", "1", "-", socat_udp(daemon.endpoint())}), "hello"), "hello");
    const std::vector<std::string> ncat{"-u", "-i", "500ms", "127.0.0.1", std::to_string(daemon.endpoint().port())};
    Process process(program("ncat", ncat));
    process.write_input("and again");
    EXPECT_TRUE(process.wait_for(Output::standard, "and again"));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "received"), 2U);
    EXPECT_EQ(counted(daemon, "echoed"), 2U);
}

TEST_P(Datagrams, EmptyAndLargestOnesComeBackWhole) {
    Daemon daemon(echo());
    const Peer peer;
    for (const std::size_t size : {0U, 1U, 1'472U, 1'473U, 9'000U, 65'507U}) {
        std::string text(size, '\0');
        fill_pattern(text, size, 0);
        EXPECT_TRUE(peer.exchange(daemon.endpoint(), text) == text) << size;
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "echoed"), 6U);
    EXPECT_EQ(counted(daemon, "bytes_in"), counted(daemon, "bytes_out"));
}

/// An address of 127.0.0.0/8 that no other test process uses meanwhile.
std::string host_of_our_own() {
    const auto number = static_cast<unsigned>(::getpid());
    return "127." + std::to_string(1 + number % 250) + "." + std::to_string(number / 250 % 250) + ".9";
}

TEST_P(Datagrams, AreNotSentToServicesThatWouldAnswer) {
    Daemon daemon(echo());
    const std::string host = host_of_our_own();
    // memcached's, which needs no privilege to be bound; and the daemon's own port at another address.
    const Peer memcached("udp://" + host + ":11211");
    const Peer other_echo("udp://" + host + ":" + std::to_string(daemon.endpoint().port()));
    memcached.send(daemon.endpoint(), "ERROR\r\n");
    other_echo.send(daemon.endpoint(), "echo");
    // Those before it have been dealt with once this one is back.
    EXPECT_EQ(Peer().exchange(daemon.endpoint(), "me"), "me");
    for (const Peer* refused : {&memcached, &other_echo}) {
        refused->wait_at_most(milliseconds(1));
        EXPECT_EQ(refused->receive(), std::nullopt);
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "received"), 3U);
    EXPECT_EQ(counted(daemon, "echoed"), 1U);
    EXPECT_EQ(counted(daemon, "guard"), 2U);
}

TEST_P(Datagrams, AreLimitedBySource) {
    Daemon daemon(echo({"--udp-rate", "1", "--udp-burst", "5"}));
    const Peer greedy;
    const Peer modest("udp://127.0.0.2:0");
    constexpr std::uint64_t kSent = 100;
    const auto begin = Clock::now();
    for (std::uint64_t i = 0; i < kSent; ++i) {
        greedy.send(daemon.endpoint(), "more");
    }
    EXPECT_EQ(modest.exchange(daemon.endpoint(), "please"), "please");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(Clock::now() - begin).count();
    ASSERT_TRUE(counted(daemon, "rate"));
    EXPECT_GE(*counted(daemon, "echoed"), 6U);
    EXPECT_LE(*counted(daemon, "echoed"), 6U + static_cast<std::uint64_t>(seconds));
    EXPECT_EQ(*counted(daemon, "rate") + *counted(daemon, "echoed") + *counted(daemon, "receive_queue"), kSent + 1);
}

TEST_P(Datagrams, ThatAreTooLongAreDroppedAndCounted) {
    Daemon daemon(echo({"--udp-largest", "1000"}));
    const Peer peer;
    peer.send(daemon.endpoint(), std::string(1'001, 'x'));
    EXPECT_EQ(peer.exchange(daemon.endpoint(), std::string(1'000, 'y')), std::string(1'000, 'y'));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "truncated"), 1U);
}

TEST_P(Datagrams, AnswersOfAWildcardComeFromTheAddressThatWasAsked) {
    Daemon daemon({.arguments = flags(), .listen = {"udp://0.0.0.0:0"}});
    // A connected socket takes datagrams from where it sends to, and from nowhere else.
    const std::string target = "UDP4:127.0.0.77:" + std::to_string(daemon.endpoint().port());
    EXPECT_EQ(filtered(program("socat", {"-t", "1", "-", target}), "hello"), "hello");
}

TEST_P(Datagrams, DrainEchoesWhatIsQueuedAndTheLedgerHasOneRow) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(echo({}, "sqlite:" + ledger));
    const Peer peer;
    constexpr std::size_t kQueued = 100;
    daemon.process().send_signal(SIGSTOP);
    for (std::size_t i = 0; i < kQueued; ++i) {
        peer.send(daemon.endpoint(), std::to_string(i));
    }
    daemon.terminate();
    daemon.process().send_signal(SIGCONT);
    for (std::size_t i = 0; i < kQueued; ++i) {
        EXPECT_EQ(peer.receive(), std::to_string(i));
    }
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_EQ(counted(daemon, "echoed"), kQueued);
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].transport, "udp");
    EXPECT_EQ(rows[0].peer, "*");
    EXPECT_EQ(rows[0].local, daemon.endpoint().text());
    EXPECT_EQ(rows[0].bytes_in, 190U);
    EXPECT_EQ(rows[0].bytes_out, 190U);
    EXPECT_EQ(rows[0].close_reason, "drained");
}

// While sessions keep the drain from its end, datagrams are counted and no longer echoed.
TEST_P(Datagrams, ThatComeAfterTheListenersClosedAreCountedAsLate) {
    Daemon daemon({.arguments = flags({"--drain-linger", "1h", "--drain-timeout", "1h"}),
                   .listen = {"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}});
    const Socket session = connect_to(daemon.endpoint(1), Connect::blocking);
    char byte = 'x';
    ASSERT_EQ(::send(session.fd(), &byte, 1, MSG_NOSIGNAL), 1);
    ASSERT_EQ(::recv(session.fd(), &byte, 1, 0), 1);
    const Peer peer;
    EXPECT_EQ(peer.exchange(daemon.endpoint(0), "in time"), "in time");
    daemon.terminate();
    ASSERT_EQ(::recv(session.fd(), &byte, 1, 0), 0);  // our FIN: the listeners are closed
    peer.send(daemon.endpoint(0), "too late");
    ::shutdown(session.fd(), SHUT_WR);
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_EQ(counted(daemon, "late"), 1U);
    EXPECT_EQ(counted(daemon, "bytes_late"), 8U);
    EXPECT_EQ(counted(daemon, "echoed"), 1U);
}

TEST_P(Datagrams, IdleSocketsCostNothing) {
    Daemon daemon({.arguments = flags(), .listen = std::vector<std::string>(20, "udp://127.0.0.1:0")});
    EXPECT_EQ(Peer().exchange(daemon.endpoint(19), "x"), "x");
    const microseconds before = daemon.process().cpu_time();
    EXPECT_FALSE(daemon.process().wait(milliseconds(500)));
    EXPECT_LT(daemon.process().cpu_time() - before, milliseconds(10));
}

}  // namespace
}  // namespace mynah::integration
