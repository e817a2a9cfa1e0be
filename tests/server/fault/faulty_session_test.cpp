#include "server/fault/faulty_session.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "conc/conc.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/stream.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_notation.hpp"
#include "server/fault/fault_plan.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

conc::Options on_select() {
    return {.workers = 1, .event_source = net::driver_factory(net::DriverKind::select)};
}

constexpr SessionLimits kLimits{
    .idle_timeout = 30s, .write_timeout = 30s, .linger = 30s, .receive_buffer_bytes = 65536};

using Ends = std::array<net::Descriptor, 2>;

/// SOCK_SEQPACKET shows where each write ended.
Ends unix_pair(int type) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {net::Descriptor(ends[0]), net::Descriptor(ends[1])};
}

Ends tcp_pair() {
    const net::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    net::Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), any, length), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), any, &length), 0);
    EXPECT_EQ(::connect(client.get(), any, length), 0);
    net::Descriptor server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return {std::move(server), std::move(client)};
}

/// A session with faults, served by a task of its own, and the peer's blocking end of its connection.
struct Served {
    explicit Served(const std::vector<std::string>& texts, SessionLimits session_limits = kLimits,
                    Ends ends = unix_pair(SOCK_STREAM))
        : listener(rules_of(texts), counters), faults(listener.of_connection(1)), limits(session_limits) {
        EXPECT_EQ(::fcntl(ends[0].get(), F_SETFL, O_NONBLOCK), 0);
        stream = net::Stream::from(std::move(ends[0]));
        peer = std::move(ends[1]);
        ended.go([this] { return run(); });
    }

    static std::vector<FaultRule> rules_of(const std::vector<std::string>& texts) {
        std::vector<FaultRule> rules;
        for (const std::string& text : texts) {
            rules.push_back(*parse_fault(text));
        }
        return rules;
    }

    conc::Task<void> run() {
        const SessionSet::Member member(set, stream);
        co_await serve_with_faults(&stream, &member, &limits, &outcome, faults.get());
    }

    void peer_sends(std::string_view text) const {
        EXPECT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }

    void peer_ends() const { EXPECT_EQ(::shutdown(peer.get(), SHUT_WR), 0); }

    /// What the peer receives until the end of the stream, or until `count` bytes are there.
    conc::Task<std::string> peer_receives(std::size_t count = 1'000, int flags = MSG_WAITALL) const {
        const auto receive = [this, count, flags] {
            std::string text(count, '\0');
            const ssize_t received = ::recv(peer.get(), text.data(), count, flags);
            text.resize(received < 0 ? 0 : static_cast<std::size_t>(received));
            return text;
        };
        co_return co_await conc::blocking(receive);
    }

    std::uint64_t faults_of(FaultKind kind) const { return counters.snapshot().faults_of(kind); }
    std::uint64_t bytes_of(FaultKind kind) const { return counters.snapshot().bytes_of(kind); }

    FaultCounters counters;
    ListenerFaults listener;
    std::unique_ptr<SessionFaults> faults;
    SessionLimits limits;
    SessionSet set;
    net::Stream stream;
    net::Descriptor peer;
    SessionOutcome outcome;
    conc::WaitGroup ended;
};

conc::Task<void> transforms() {
    Served served({"drop,at=2,length=2", "duplicate,at=6,length=2", "corrupt,at=9"});
    served.peer_sends("abcdefghijkl");
    served.peer_ends();
    const std::string back = co_await served.peer_receives();
    EXPECT_EQ(back.size(), 12U);
    EXPECT_EQ(back.substr(0, 9), "abefghghi");
    EXPECT_NE(back.substr(9, 1), "j");
    EXPECT_EQ(back.substr(10), "kl");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::end_of_stream);
    EXPECT_EQ(served.outcome.bytes_in, 12U);
    EXPECT_EQ(served.outcome.bytes_out, 12U);
    EXPECT_EQ(served.bytes_of(FaultKind::drop), 2U);
    EXPECT_EQ(served.bytes_of(FaultKind::duplicate), 2U);
    EXPECT_EQ(served.bytes_of(FaultKind::corrupt), 1U);
}

TEST(FaultySession, DropsRepeatsAndChangesWhatThePlanSays) {
    test::run_task(on_select(), transforms());
}

/// What a plan makes of the input of a connection that no fault ends.
std::string planned(FaultPlan plan, std::string_view input) {
    std::map<std::size_t, std::string> kept;
    std::string output;
    auto action = plan.next(input.size());
    for (; action; action = input.empty() ? plan.finish() : plan.next(input.size())) {
        if (action->what == FaultAction::What::repeat) {
            output += std::exchange(kept[action->rule], {});
            continue;
        }
        for (const char byte : input.substr(0, action->dropped ? 0 : action->bytes)) {
            output += static_cast<char>(static_cast<std::uint8_t>(byte) ^ action->mask);
            for (const std::size_t rule : action->kept) {
                kept[rule] += output.back();
            }
        }
        input.remove_prefix(action->bytes);
    }
    return output;
}

conc::Task<void> follows_its_plan() {
    Served served({"corrupt,mean=3000,length=2", "drop,mean=7000,length=30", "duplicate,mean=9000,length=100",
                   "short_write,mean=9000"});
    std::string input(300'000, '\0');
    for (std::size_t i = 0; i < input.size(); ++i) {
        input[i] = static_cast<char>(i * i / 7);
    }
    const std::string expected = planned(FaultPlan(served.listener.rules(), 1), input);
    EXPECT_TRUE(expected != input);
    std::thread sender([&served, &input] {
        served.peer_sends(input);
        served.peer_ends();
    });
    const std::string back = co_await served.peer_receives(2 * input.size());
    sender.join();
    EXPECT_TRUE(back == expected);
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.bytes_in, input.size());
    EXPECT_EQ(served.outcome.bytes_out, expected.size());
}

TEST(FaultySession, EchoesWhatItsPlanMakesOfTheStream) {
    test::run_task(on_select(), follows_its_plan());
}

conc::Task<void> repeats_at_the_end() {
    Served served({"duplicate,at=1,length=100"});
    served.peer_sends("abc");
    served.peer_ends();
    const std::string back = co_await served.peer_receives();
    EXPECT_EQ(back, "abcbc");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.bytes_out, 5U);
}

TEST(FaultySession, RepeatsASpanThatTheEndCutShort) {
    test::run_task(on_select(), repeats_at_the_end());
}

conc::Task<void> early_fin() {
    Served served({"fin,at=5"});
    served.peer_sends("hello, there");
    const std::string back = co_await served.peer_receives();
    EXPECT_EQ(back, "hello");
    served.peer_sends("more");
    served.peer_ends();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::fault);
    EXPECT_EQ(served.outcome.bytes_in, 12U);
    EXPECT_EQ(served.outcome.bytes_out, 5U);
    EXPECT_EQ(served.outcome.discarded_after_fin, 4U);
    EXPECT_EQ(served.faults_of(FaultKind::fin), 1U);
    EXPECT_EQ(served.bytes_of(FaultKind::fin), 7U);
}

TEST(FaultySession, EarlyFinComesAfterItsBytesAndTheRestIsCounted) {
    test::run_task(on_select(), early_fin());
}

conc::Task<void> fin_at_once() {
    Served served({"fin,at=0"});
    const std::string back = co_await served.peer_receives();
    EXPECT_EQ(back, "");
    served.set.ask_all_to_close();  // the drain does not end its linger
    served.peer_sends("late");
    served.peer_ends();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::fault);
    EXPECT_EQ(served.outcome.bytes_in, 0U);
    EXPECT_EQ(served.outcome.discarded_after_fin, 4U);
}

TEST(FaultySession, FinAtZeroNeedsNoByteAndOutlastsTheDrainsQuestion) {
    test::run_task(on_select(), fin_at_once());
}

conc::Task<void> early_reset() {
    Served served({"reset,at=5"}, kLimits, tcp_pair());
    served.peer_sends("hello, there");
    const std::string back = co_await served.peer_receives(5);
    EXPECT_EQ(back, "hello");
    co_await served.ended.wait();
    const auto error_of_receive = [&served] {
        char byte = 0;
        return ::recv(served.peer.get(), &byte, 1, 0) < 0 ? errno : 0;
    };
    const int error = co_await conc::blocking(error_of_receive);
    EXPECT_EQ(error, ECONNRESET);
    EXPECT_EQ(served.outcome.close_reason, CloseReason::fault);
    EXPECT_EQ(served.outcome.bytes_out, 5U);
    EXPECT_EQ(served.faults_of(FaultKind::reset), 1U);
    EXPECT_EQ(served.bytes_of(FaultKind::reset), 7U);
}

TEST(FaultySession, ResetIsARstAfterItsBytes) {
    test::run_task(on_select(), early_reset());
}

conc::Task<void> short_writes() {
    Served served({"short_write,at=2,length=3"}, kLimits, unix_pair(SOCK_SEQPACKET));
    served.peer_sends("abcdefgh");
    std::vector<std::string> writes;
    for (std::size_t received = 0; received < 8; received += writes.back().size()) {
        writes.push_back(co_await served.peer_receives(100, 0));
        if (writes.back().empty()) {
            break;
        }
    }
    EXPECT_THAT(writes, ElementsAre("ab", "c", "d", "e", "fgh"));
    served.peer_ends();
    co_await served.ended.wait();
    EXPECT_EQ(served.faults_of(FaultKind::short_write), 1U);
    EXPECT_EQ(served.bytes_of(FaultKind::short_write), 3U);
}

TEST(FaultySession, ShortWritesAreOneByteEach) {
    test::run_task(on_select(), short_writes());
}

conc::Task<void> delays() {
    Served served({"delay,at=3,duration=50ms"});
    const conc::TimePoint begin = conc::now();
    served.peer_sends("abcdef");
    const std::string first = co_await served.peer_receives(3);
    EXPECT_EQ(first, "abc");
    served.set.ask_all_to_close();  // while it waits: not a quiet moment
    const std::string rest = co_await served.peer_receives();
    EXPECT_EQ(rest, "def");
    EXPECT_GE(conc::now() - begin, 50ms);
    served.peer_ends();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::drained);
    EXPECT_EQ(served.outcome.bytes_out, 6U);
    EXPECT_EQ(served.faults_of(FaultKind::delay), 1U);
}

TEST(FaultySession, DelayIsWaitedForByTheDrainAndLosesNothing) {
    test::run_task(on_select(), delays());
}

conc::Task<void> stalls_until_cut() {
    Served served({"stall,at=3"});
    served.peer_sends("abcdef");
    const std::string first = co_await served.peer_receives(3);
    EXPECT_EQ(first, "abc");
    while (served.faults_of(FaultKind::stall) == 0) {
        co_await conc::sleep_for(1ms);
    }
    served.set.ask_all_to_close();
    served.set.cut_all();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::cut);
    EXPECT_EQ(served.outcome.bytes_in, 6U);
    EXPECT_EQ(served.outcome.bytes_out, 3U);
    EXPECT_EQ(served.bytes_of(FaultKind::stall), 3U);
}

TEST(FaultySession, StallLastsUntilTheDrainCutsIt) {
    test::run_task(on_select(), stalls_until_cut());
}

conc::Task<void> stalls_for_a_time() {
    Served served({"stall,at=3,duration=10ms"});
    served.peer_sends("abcdef");
    served.peer_ends();
    const std::string back = co_await served.peer_receives();
    EXPECT_EQ(back, "abcdef");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::end_of_stream);
    EXPECT_EQ(served.bytes_of(FaultKind::stall), 0U);
}

TEST(FaultySession, StallWithADurationGoesOn) {
    test::run_task(on_select(), stalls_for_a_time());
}

conc::Task<void> stalls_till_idle() {
    SessionLimits limits = kLimits;
    limits.idle_timeout = 30ms;
    Served served({"stall,at=1"}, limits);
    served.peer_sends("ab");
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::idle_timeout);
    EXPECT_EQ(served.outcome.bytes_out, 1U);
}

TEST(FaultySession, StallEndsWithTheIdleTimeout) {
    test::run_task(on_select(), stalls_till_idle());
}

conc::Task<void> stalls_until_reset() {
    Served served({"stall,at=1"}, kLimits, tcp_pair());
    served.peer_sends("ab");
    const std::string first = co_await served.peer_receives(1);
    EXPECT_EQ(first, "a");
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(::setsockopt(served.peer.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    served.peer.reset();
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::reset);
}

TEST(FaultySession, StallEndsWhenThePeerResets) {
    test::run_task(on_select(), stalls_until_reset());
}

conc::Task<void> idle() {
    SessionLimits limits = kLimits;
    limits.idle_timeout = 20ms;
    Served served({"drop,every=10"}, limits);
    co_await served.ended.wait();
    EXPECT_EQ(served.outcome.close_reason, CloseReason::idle_timeout);
}

TEST(FaultySession, IdlePeerIsClosedAfterTheIdleTimeout) {
    test::run_task(on_select(), idle());
}

}  // namespace
}  // namespace mynah::server
