// Faults that mynahd commits on purpose: what a client sees of each is what the plan says, and the log counts it.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string pattern(std::size_t size, std::uint64_t seed = 1) {
    std::string bytes(size, '\0');
    fill_pattern(bytes, seed, 0);
    return bytes;
}

std::vector<std::string> fault_flags(const std::vector<std::string>& faults, std::vector<std::string> arguments) {
    for (const std::string& fault : faults) {
        arguments.insert(arguments.end(), {"--fault", fault});
    }
    return arguments;
}

// What came back on one connection, and how it ended.
struct Seen {
    std::string bytes;
    bool was_reset = false;
};

void wait_at_most(const Socket& socket, std::chrono::milliseconds limit) {
    const timeval time{.tv_sec = limit.count() / 1000, .tv_usec = limit.count() % 1000 * 1000};
    EXPECT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
    EXPECT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
}

// Receives until the end of the stream, or until `count` bytes are there.
Seen receive(const Socket& socket, std::size_t count = SIZE_MAX) {
    Seen seen;
    std::string buffer(65'536, '\0');
    while (seen.bytes.size() < count) {
        const ssize_t received =
            ::recv(socket.fd(), buffer.data(), std::min(buffer.size(), count - seen.bytes.size()), 0);
        if (received <= 0) {
            seen.was_reset = received < 0;
            EXPECT_TRUE(received == 0 || errno == ECONNRESET) << errno;
            break;
        }
        seen.bytes.append(buffer, 0, static_cast<std::size_t>(received));
    }
    return seen;
}

// Sends everything, shuts the sending side, and takes what comes back meanwhile.
Seen echo_of(const Endpoint& endpoint, std::string_view input) {
    const Socket socket = connect_to(endpoint, Connect::blocking);
    wait_at_most(socket, patience());
    std::thread sender([&socket, input]() mutable {
        while (!input.empty()) {
            const ssize_t sent = ::send(socket.fd(), input.data(), input.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return;  // the fault has ended the connection
            }
            input.remove_prefix(static_cast<std::size_t>(sent));
        }
        ::shutdown(socket.fd(), SHUT_WR);
    });
    Seen seen = receive(socket);
    sender.join();
    return seen;
}

// The number behind ` key=` in the summary of the faults; nullopt where there is none.
std::optional<std::uint64_t> counted(const Daemon& daemon, const std::string& key) {
    const std::string log = daemon.log();
    const std::size_t line = log.find(" faults delay=");
    const std::string mark = " " + key + "=";
    const std::size_t at = line == std::string::npos ? line : log.find(mark, line);
    return at == std::string::npos ? std::nullopt : std::optional(std::stoull(log.substr(at + mark.size())));
}

// Whether a byte, or a datagram, stands in one of the spans that begin at each multiple of `distance`.
bool is_in_span(std::uint64_t place, std::uint64_t distance, std::uint64_t length) {
    return place >= distance && place % distance < length;
}

class Faults : public WithDriver {
  protected:
    // A daemon at a TCP port and at a unix socket.
    Daemon::Options both(const std::vector<std::string>& faults, std::vector<std::string> more = {}) {
        return {.arguments = fault_flags(faults, flags(std::move(more))),
                .listen = {"tcp://127.0.0.1:0", unix_address()},
                .ledger = "off"};
    }
    std::string unix_address() const { return "unix://" + scratch_.path("echo.sock"); }

    // Only where there is a RST.
    Daemon::Options tcp(const std::vector<std::string>& faults, std::vector<std::string> more = {}) {
        return {.arguments = fault_flags(faults, flags(std::move(more)))};
    }

    Daemon::Options udp(const std::vector<std::string>& faults) {
        return {.arguments = fault_flags(faults, flags()), .listen = {"udp://127.0.0.1:0"}};
    }

    ScratchFolder scratch_;
};
INSTANTIATE_TEST_SUITE_P(Drivers, Faults, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

TEST_P(Faults, AreAnnouncedInTheLogAndNotOnStandardOutput) {
    Daemon daemon(tcp({"drop,at=5", "fin,mean=1000"}));
    EXPECT_EQ(lines_of(daemon.process().text(Output::standard)).size(), 2U);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_THAT(daemon.log(), HasSubstr(" warn faults are on fault=\"drop,at=5,length=1,seed=1\"\n"));
    EXPECT_THAT(daemon.log(), HasSubstr(" warn faults are on fault=\"fin,mean=1000,seed=1\"\n"));
}

// The offset in the input of each byte that has to come back, with spans of 30 bytes dropped and of 100 repeated.
std::vector<std::uint64_t> offsets_of_the_echo(std::uint64_t size) {
    std::vector<std::uint64_t> echoed;
    std::vector<std::uint64_t> kept;
    for (std::uint64_t offset = 0; offset < size; ++offset) {
        if (!is_in_span(offset, 9'000, 100)) {
            echoed.insert(echoed.end(), kept.begin(), kept.end());
            kept.clear();
        }
        if (is_in_span(offset, 7'000, 30)) {
            continue;
        }
        echoed.push_back(offset);
        if (is_in_span(offset, 9'000, 100)) {
            kept.push_back(offset);
        }
    }
    echoed.insert(echoed.end(), kept.begin(), kept.end());
    return echoed;
}

TEST_P(Faults, ChangeDropAndRepeatWhatTheRulesSay) {
    Daemon daemon(both({"corrupt,every=3000,length=2", "drop,every=7000,length=30", "duplicate,every=9000,length=100",
                        "short_write,every=5000"}));
    constexpr std::uint64_t kSize = 300'050;
    const std::vector<std::uint64_t> offsets = offsets_of_the_echo(kSize);
    for (const std::size_t listener : {0U, 1U}) {
        const std::string input = pattern(kSize, listener);
        const Seen seen = echo_of(daemon.endpoint(listener), input);
        EXPECT_FALSE(seen.was_reset);
        ASSERT_EQ(seen.bytes.size(), offsets.size());
        for (std::size_t i = 0; i < offsets.size(); ++i) {
            ASSERT_EQ(seen.bytes[i] != input[offsets[i]], is_in_span(offsets[i], 3'000, 2)) << i << ": " << offsets[i];
        }
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    // Each 21,000 bytes a span of corrupt bytes is dropped, and is counted as begun all the same.
    EXPECT_EQ(counted(daemon, "corrupt"), 2 * 100U);
    EXPECT_EQ(counted(daemon, "corrupt_bytes"), 2 * (200U - 2 * 14U));
    EXPECT_EQ(counted(daemon, "drop"), 2 * 42U);
    EXPECT_EQ(counted(daemon, "drop_bytes"), 2 * 42U * 30U);
    EXPECT_EQ(counted(daemon, "duplicate"), 2 * 33U);
    EXPECT_EQ(counted(daemon, "duplicate_bytes"), 2 * (offsets.size() + std::size_t{42} * 30 - kSize));
    EXPECT_EQ(counted(daemon, "short_write"), 2 * 60U);
}

TEST_P(Faults, AreTheSameInEachRunWithTheSameSeed) {
    const std::string input = pattern(300'000);
    const auto run = [&](const std::string& seed) {
        Daemon daemon(both({"corrupt,mean=3000,length=2,seed=" + seed, "drop,mean=7000,length=30,seed=" + seed,
                            "duplicate,mean=9000,length=100,seed=" + seed}));
        std::vector<std::string> seen;
        for (const std::size_t listener : {0U, 0U, 1U}) {
            seen.push_back(echo_of(daemon.endpoint(listener), input).bytes);
        }
        EXPECT_EQ(daemon.terminate_and_wait(), 0);
        return seen;
    };
    const std::vector<std::string> first = run("1");
    EXPECT_TRUE(first[0] != input);
    EXPECT_TRUE(first[0] != first[1]) << "each connection has faults of its own";
    EXPECT_TRUE(first[0] == first[2]) << "each listener counts its own connections";
    EXPECT_TRUE(run("1") == first);
    EXPECT_TRUE(run("2")[0] != first[0]);
}

TEST_P(Faults, FinComesAfterItsBytesAndTheLedgerSaysWhy) {
    const std::string ledger = scratch_.path("ledger.sqlite");
    Daemon::Options options = both({"fin,at=70000"});
    options.ledger = "sqlite:" + ledger;
    Daemon daemon(options);
    const std::string input = pattern(100'000);
    for (const std::size_t listener : {0U, 1U}) {
        const Seen seen = echo_of(daemon.endpoint(listener), input);
        EXPECT_TRUE(seen.bytes == input.substr(0, 70'000)) << seen.bytes.size();
        EXPECT_FALSE(seen.was_reset);
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "fin"), 2U);
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    ASSERT_EQ(rows.size(), 2U);
    std::uint64_t held = 0;
    for (const LedgerRow& row : rows) {
        EXPECT_EQ(row.close_reason, "fault");
        EXPECT_EQ(row.bytes_out, 70'000U);
        EXPECT_EQ(row.bytes_in + row.discarded_after_fin, input.size());
        held += row.bytes_in - row.bytes_out;
    }
    EXPECT_EQ(counted(daemon, "fin_bytes"), held);
}

TEST_P(Faults, ResetComesAfterItsBytes) {
    Daemon daemon(tcp({"reset,at=1000"}));
    const std::string input = pattern(2'000);
    const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
    wait_at_most(socket, patience());
    ASSERT_EQ(::send(socket.fd(), input.data(), input.size(), MSG_NOSIGNAL), static_cast<ssize_t>(input.size()));
    const Seen seen = receive(socket);
    EXPECT_TRUE(seen.was_reset);
    EXPECT_TRUE(seen.bytes == input.substr(0, 1'000)) << seen.bytes.size();
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "reset"), 1U);
    EXPECT_THAT(daemon.log(), HasSubstr(" fault=1 "));
}

TEST_P(Faults, DelayHoldsBackWhatFollowsAndLosesNothing) {
    Daemon daemon(both({"delay,at=3,duration=100ms"}));
    for (const std::size_t listener : {0U, 1U}) {
        const auto begin = Clock::now();
        EXPECT_EQ(echo_of(daemon.endpoint(listener), "abcdef").bytes, "abcdef");
        EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(100));
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "delay"), 2U);
}

TEST_P(Faults, StallKeepsWhatFollowsUntilTheDrainCutsIt) {
    Daemon daemon(both({"stall,at=3"}, {"--drain-timeout", "100ms"}));
    std::vector<Socket> sockets;
    for (const std::size_t listener : {0U, 1U}) {
        sockets.push_back(connect_to(daemon.endpoint(listener), Connect::blocking));
        wait_at_most(sockets.back(), patience());
        ASSERT_EQ(::send(sockets.back().fd(), "abcdef", 6, MSG_NOSIGNAL), 6);
        EXPECT_EQ(receive(sockets.back(), 3).bytes, "abc");
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 3);
    for (const Socket& socket : sockets) {
        EXPECT_EQ(receive(socket).bytes, "");
    }
    EXPECT_EQ(counted(daemon, "stall"), 2U);
    EXPECT_EQ(counted(daemon, "stall_bytes"), 6U);
}

TEST_P(Faults, RefuseClosesEverySecondConnectionOfEachListener) {
    Daemon daemon(both({"refuse,every=2,by=fin"}));
    for (const std::size_t listener : {0U, 1U}) {
        std::string echoed;
        for (int connection = 0; connection < 4; ++connection) {
            const Socket socket = connect_to(daemon.endpoint(listener), Connect::blocking);
            wait_at_most(socket, patience());
            (void)::send(socket.fd(), "x", 1, MSG_NOSIGNAL);
            echoed += receive(socket, 1).bytes == "x" ? 'x' : '.';
        }
        EXPECT_EQ(echoed, "x.x.");
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "refuse"), 4U);
}

TEST_P(Faults, RefuseByFinIsAFinEvenWhereBytesAreThereAlready) {
    Daemon daemon(both({"refuse,at=1,by=fin"}));
    for (const std::size_t listener : {0U, 1U}) {
        daemon.process().send_signal(SIGSTOP);
        const Socket socket = connect_to(daemon.endpoint(listener), Connect::blocking);
        wait_at_most(socket, patience());
        ASSERT_EQ(::send(socket.fd(), "early", 5, MSG_NOSIGNAL), 5);
        daemon.process().send_signal(SIGCONT);
        const Seen seen = receive(socket);
        EXPECT_EQ(seen.bytes, "");
        EXPECT_FALSE(seen.was_reset);
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "refuse"), 2U);
    EXPECT_EQ(counted(daemon, "fin"), 0U);
}

TEST_P(Faults, RefuseByResetIsARst) {
    Daemon daemon(tcp({"refuse,at=1"}));
    const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
    wait_at_most(socket, patience());
    EXPECT_TRUE(receive(socket).was_reset);
    EXPECT_EQ(echo_of(daemon.endpoint(), "second").bytes, "second");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "refuse"), 1U);
}

TEST_P(Faults, OfOneListenerLeaveTheOthersAlone) {
    Daemon daemon(both({"drop,every=2,listener=" + unix_address()}));
    EXPECT_EQ(echo_of(daemon.endpoint(0), "abcdef").bytes, "abcdef");
    EXPECT_EQ(echo_of(daemon.endpoint(1), "abcdef").bytes, "abdf");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "drop_bytes"), 2U);
}

// Datagrams to a daemon with faults, and what comes back.
class Datagrams {
  public:
    explicit Datagrams(const Endpoint& endpoint) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        EXPECT_EQ(::connect(socket_.fd(), endpoint.address(), endpoint.length), 0);
        wait_at_most(socket_, patience());
    }

    void send(std::string_view text) const {
        EXPECT_EQ(::send(socket_.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }

    std::vector<std::string> receive(std::size_t count) const {
        std::vector<std::string> all;
        std::string buffer(65'536, '\0');
        while (all.size() < count) {
            const ssize_t received = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
            if (received < 0) {
                ADD_FAILURE() << "only " << all.size() << " of " << count << " came back";
                break;
            }
            all.emplace_back(buffer, 0, static_cast<std::size_t>(received));
        }
        return all;
    }

  private:
    Socket socket_;
};

// "1", "2", "3" ...
std::vector<std::string> sent_numbers(const Datagrams& datagrams, int count) {
    std::vector<std::string> all;
    for (int i = 1; i <= count; ++i) {
        all.push_back(std::to_string(i));
        datagrams.send(all.back());
    }
    return all;
}

TEST_P(Faults, OfDatagramsAreThoseOfTheRules) {
    Daemon daemon(udp({"drop,every=5,length=2", "duplicate,every=4", "corrupt,every=3"}));
    const Datagrams datagrams(daemon.endpoint());
    constexpr int kCount = 100;
    std::vector<std::string> expected;
    std::vector<bool> changed;
    std::uint64_t corrupted = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t dropped = 0;
    for (std::uint64_t number = 1; const std::string& text : sent_numbers(datagrams, kCount)) {
        const bool is_dropped = is_in_span(number, 5, 2);
        const std::uint64_t copies = is_dropped ? 0U : is_in_span(number, 4, 1) ? 2U : 1U;
        expected.insert(expected.end(), copies, text);
        changed.insert(changed.end(), copies, is_in_span(number, 3, 1));
        dropped += is_dropped ? 1U : 0U;
        duplicated += copies == 2 ? 1U : 0U;
        corrupted += !is_dropped && is_in_span(number, 3, 1) ? 1U : 0U;
        ++number;
    }
    const std::vector<std::string> back = datagrams.receive(expected.size());
    ASSERT_EQ(back.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(back[i].size(), expected[i].size());
        EXPECT_EQ(back[i] != expected[i], changed[i]) << i << ": " << expected[i];
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "drop"), dropped);
    EXPECT_EQ(counted(daemon, "duplicate"), duplicated);
    EXPECT_EQ(counted(daemon, "corrupt"), corrupted);
}

TEST_P(Faults, ReorderedDatagramsFollowTheNextOnesAndTheDrainReleasesTheLast) {
    Daemon daemon(udp({"reorder,every=3,length=2"}));
    const Datagrams datagrams(daemon.endpoint());
    sent_numbers(datagrams, 6);
    EXPECT_THAT(datagrams.receive(5), ElementsAre("1", "2", "4", "5", "3"));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_THAT(datagrams.receive(1), ElementsAre("6"));
    EXPECT_EQ(counted(daemon, "reorder"), 2U);
}

TEST_P(Faults, DelayedDatagramsComeLater) {
    Daemon daemon(udp({"delay,at=1,duration=100ms"}));
    const Datagrams datagrams(daemon.endpoint());
    const auto begin = Clock::now();
    sent_numbers(datagrams, 3);
    EXPECT_THAT(datagrams.receive(3), ElementsAre("2", "3", "1"));
    EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(100));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "delay"), 1U);
}

TEST(FaultConfiguration, WhatMakesNoSenseIsOneLineAndExitStatusTwo) {
    const auto refused = [](const std::string& fault, const std::string& listen, const char* said) {
        const RunResult run = run_mynahd({"--check", "--listen", listen, "--fault", fault});
        EXPECT_EQ(run.status, 2);
        EXPECT_EQ(run.out, "");
        EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
        EXPECT_THAT(run.err, HasSubstr("--fault: "));
        EXPECT_THAT(run.err, HasSubstr(said));
    };
    refused("reset,at=1", "unix:///tmp/x", "a unix socket has no RST");
    refused("fin,at=1", "udp://127.0.0.1:0", "datagrams are no stream");
    refused("reorder,at=1", "tcp://127.0.0.1:0", "a stream keeps its order");
    refused("corupt,at=1", "tcp://127.0.0.1:0", "\"corupt\" is not known");
    refused("corrupt", "tcp://127.0.0.1:0", "where?");
    refused("corrupt,at=1,listener=tcp://127.0.0.1:9", "tcp://127.0.0.1:0", "none of the addresses to listen on");
}

TEST(FaultConfiguration, FlagsCountMoreThanEnvironmentMoreThanFile) {
    const ScratchFolder scratch;
    const std::string path =
        scratch.write("mynahd.toml", "[[fault]]\nkind = \"drop\"\nevery = 1_000\nlength = \"1KiB\"\n");
    const auto checked = [](const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
        const RunResult run = run_mynahd(arguments, environment);
        EXPECT_EQ(run.status, 0) << run.err;
        return run.out;
    };
    EXPECT_THAT(checked({"--check"}, {}), HasSubstr(" fault=off "));
    EXPECT_THAT(checked({"--check", "--config", path}, {}), HasSubstr(" fault=drop,every=1000,length=1024,seed=1 "));
    EXPECT_THAT(checked({"--check", "--config", path}, {"MYNAHD_FAULT=fin,at=1;drop,at=2"}),
                HasSubstr(" fault=fin,at=1,seed=1;drop,at=2,length=1,seed=1 "));
    EXPECT_THAT(checked({"--check", "--config", path, "--fault", "off"}, {"MYNAHD_FAULT=fin,at=1"}),
                HasSubstr(" fault=off "));
}

}  // namespace
}  // namespace mynah::integration
