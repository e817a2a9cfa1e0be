#include "client/load/generator.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/fault.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "conc/context.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client::load {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using testing::ElementsAre;
using testing::MatchesRegex;
using testing::Pair;
using Peer = testing_support::Connection;

struct Interrupts {
    conc::Context stop = conc::Context::background();
    conc::Context abort = conc::Context::background();
};

/// One worker for the load and the server: what a generator needs.
Report run_load_against(Behaviour behaviour, Options options, Interrupts interrupts = {}) {
    Report report;
    const auto command = [&](net::Address address, Console* console) -> conc::Task<ExitStatus> {
        options.address = std::move(address);
        Generator generator(options, console, interrupts.stop, interrupts.abort);
        report = co_await generator.run();
        co_return status_of(report);
    };
    run_against(1, std::move(behaviour), command);
    const auto sum = [](const Outcomes& outcomes) {
        std::uint64_t all = 0;
        for (const std::uint64_t fate : outcomes.fates) {
            all += fate;
        }
        return all;
    };
    EXPECT_EQ(report.measured.sent, sum(report.measured)) << "no message is forgotten";
    EXPECT_EQ(report.warm_up.sent, sum(report.warm_up));
    EXPECT_EQ(report.from_planned.count(), report.measured.of(Fate::verified));
    std::uint64_t in_time_line = 0;
    for (const Interval& interval : report.intervals) {
        in_time_line += interval.verified;
    }
    EXPECT_EQ(in_time_line, report.measured.of(Fate::verified));
    return report;
}

Options messages(std::uint64_t count) {
    return {.address = {}, .connections = 1, .duration = {}, .count = count, .timeout = 30s};
}

/// Echoes all but what `change` does to the bytes that begin at the offset it is given.
template <class Change>
Behaviour changed(Change change) {
    return [change](Peer peer) -> conc::Task<void> {
        std::uint64_t offset = 0;
        for (;;) {
            const auto lease = co_await peer.stream->receive();
            if (!lease || lease->empty()) {
                co_return;
            }
            std::string bytes(lease->text());
            const std::uint64_t begin = offset;
            offset += bytes.size();
            change(bytes, begin);
            const auto sent = co_await peer.stream->send_all(bytes);
            if (!sent) {
                co_return;
            }
        }
    };
}

TEST(LoadGenerator, SendsAsManyMessagesAsWereAskedFor) {
    Options options = messages(1000);
    options.connections = 7;
    const Report report = run_load_against(echo, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.connected, 7U);
    EXPECT_EQ(report.measured.sent, 1000U);
    EXPECT_EQ(report.measured.of(Fate::verified), 1000U);
    EXPECT_EQ(report.measured.verified_bytes, 64'000U);
    EXPECT_TRUE(report.connection_failures.empty());
    EXPECT_GT(report.messages_per_second(), 0);
}

TEST(LoadGenerator, FewerMessagesThanConnectionsAreEnough) {
    Options options = messages(3);
    options.connections = 10;
    const Report report = run_load_against(echo, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.measured.of(Fate::verified), 3U);
}

TEST(LoadGenerator, MessagesOfEverySizeAndDepthComeBack) {
    for (const SizeRange size :
         {SizeRange{.least = 1, .most = 1}, SizeRange{.least = 1, .most = 1400},
          SizeRange{.least = 65'521, .most = 65'521}, SizeRange{.least = 3'000'000, .most = 3'000'001}}) {
        for (const std::size_t depth : {1U, 3U, 50U}) {
            Options options = messages(size.most > 100'000 ? 60 : 500);
            options.connections = 2;
            options.message_bytes = size;
            options.depth = depth;
            const Report report = run_load_against(echo, options);
            EXPECT_EQ(status_of(report), ExitStatus::verified) << size.most << " bytes, depth " << depth;
            EXPECT_GE(report.measured.sent_bytes, *options.count * size.least);
            EXPECT_LE(report.measured.sent_bytes, *options.count * size.most);
            EXPECT_EQ(report.measured.verified_bytes, report.measured.sent_bytes);
        }
    }
}

TEST(LoadGenerator, RunsForItsTimeAfterTheWarmUp) {
    Options options{.address = {}, .connections = 2, .duration = 300ms, .warm_up = 100ms, .timeout = 30s};
    const Report report = run_load_against(echo, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.measured_time, 300ms);
    EXPECT_GT(report.warm_up.of(Fate::verified), 0U);
    EXPECT_GT(report.measured.of(Fate::verified), 0U);
    EXPECT_FALSE(report.interrupted);
}

TEST(LoadGenerator, AByteThatWasChangedIsFoundAndTheRestGoesOn) {
    const auto flip = [](std::string& bytes, std::uint64_t begin) {
        constexpr std::uint64_t kWhere = 6405;  // in message 101
        if (begin <= kWhere && kWhere < begin + bytes.size()) {
            bytes[kWhere - begin] = static_cast<char>(bytes[kWhere - begin] ^ 0x10);
        }
    };
    const Report report = run_load_against(changed(flip), messages(1000));
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::mismatched), 1U);
    EXPECT_EQ(report.measured.of(Fate::verified), 999U);
    ASSERT_EQ(report.fault_count, 1U);
    EXPECT_EQ(report.faults[0].kind, FaultKind::changed);
    EXPECT_EQ(report.faults[0].offset, 6405U);
    EXPECT_EQ(report.faults[0].bytes, 1U);
}

TEST(LoadGenerator, AByteThatWasLostIsFoundWhereItWas) {
    const auto drop = [](std::string& bytes, std::uint64_t begin) {
        if (begin <= 6405 && 6405 < begin + bytes.size()) {
            bytes.erase(6405 - begin, 1);
        }
    };
    Options options = messages(1000);
    options.depth = 8;
    const Report report = run_load_against(changed(drop), options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    ASSERT_EQ(report.fault_count, 1U);
    EXPECT_EQ(report.faults[0].kind, FaultKind::lost);
    EXPECT_EQ(report.faults[0].connection, 1U);
    EXPECT_EQ(report.faults[0].offset, 6405U);
    EXPECT_EQ(report.faults[0].bytes, 1U);
    EXPECT_EQ(report.measured.of(Fate::verified), 100U);
    EXPECT_EQ(report.measured.of(Fate::mismatched), 1U);
    EXPECT_EQ(report.measured.of(Fate::lost), report.measured.sent - 101) << "what was behind it was given up";
}

TEST(LoadGenerator, AByteThatComesTwiceIsFoundWhereItIs) {
    const auto repeat = [](std::string& bytes, std::uint64_t begin) {
        if (begin <= 6405 && 6405 < begin + bytes.size()) {
            bytes.insert(6405 - begin, 1, bytes[6405 - begin]);
        }
    };
    Options options = messages(1000);
    options.depth = 8;
    const Report report = run_load_against(changed(repeat), options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    ASSERT_EQ(report.fault_count, 1U);
    EXPECT_EQ(report.faults[0].kind, FaultKind::repeated);
    EXPECT_EQ(report.faults[0].offset, 6406U);
    EXPECT_EQ(report.faults[0].bytes, 1U);
}

TEST(LoadGenerator, BytesAfterTheLastMessageAreSurplus) {
    const auto append = [](std::string& bytes, std::uint64_t begin) {
        if (begin + bytes.size() == 640) {
            bytes += "surplus";
        }
    };
    const Report report = run_load_against(changed(append), messages(10));
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::verified), 10U);
    ASSERT_EQ(report.fault_count, 1U);
    EXPECT_EQ(report.faults[0].kind, FaultKind::surplus);
    EXPECT_EQ(report.faults[0].offset, 640U);
    EXPECT_EQ(report.faults[0].bytes, 7U);
}

TEST(LoadGenerator, SurplusThatComesApartIsWaitedFor) {
    const auto late_surplus = [](Peer peer) -> conc::Task<void> {
        const std::string bytes = co_await receive_exactly(peer.stream, 640);
        (void)co_await peer.stream->send_all(bytes);
        co_await echo(peer);  // until the client has said that it is through
        (void)co_await peer.stream->send_all("more");
    };
    Options options = messages(10);
    options.depth = 10;
    const Report report = run_load_against(late_surplus, options);
    EXPECT_EQ(report.measured.of(Fate::verified), 10U);
    ASSERT_EQ(report.fault_count, 1U);
    EXPECT_EQ(report.faults[0].bytes, 4U);
}

TEST(LoadGenerator, AnEarlyEndLosesWhatIsInFlight) {
    const auto leave_early = [](Peer peer) -> conc::Task<void> {
        const std::string bytes = co_await receive_exactly(peer.stream, 640);
        (void)co_await peer.stream->send_all(bytes.substr(0, 600));
    };
    Options options = messages(1000);
    options.depth = 10;
    const Report report = run_load_against(leave_early, options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::verified), 9U);
    EXPECT_EQ(report.measured.of(Fate::lost), report.measured.sent - 9);
    EXPECT_THAT(report.connection_failures, ElementsAre(Pair("closed by the server", 1U)));
}

TEST(LoadGenerator, AResetIsCounted) {
    const auto reset = [](Peer peer) -> conc::Task<void> {
        (void)co_await receive_exactly(peer.stream, 64);
        peer.stream->reset();
    };
    Options options = messages(1000);
    options.connections = 3;
    const Report report = run_load_against(reset, options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_EQ(report.measured.of(Fate::lost), 3U);
    EXPECT_THAT(report.connection_failures, ElementsAre(Pair("Connection reset by peer", 3U)));
}

TEST(LoadGenerator, SilenceTimesOut) {
    Options options = messages(1000);
    options.connections = 3;
    options.depth = 5;
    options.timeout = 100ms;
    const Report report = run_load_against(listen_in_silence, options);
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_EQ(report.measured.of(Fate::timed_out), 15U);
    EXPECT_THAT(report.connection_failures, ElementsAre(Pair("no answer within 100ms", 3U)));
}

TEST(LoadGenerator, AServerThatDoesNotReadTimesOut) {
    Options options = messages(1000);
    options.message_bytes = {.least = 100'000'000, .most = 100'000'000};
    options.timeout = 200ms;
    const Report report = run_load_against(stay, options);
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_EQ(report.measured.of(Fate::timed_out), 1U);
}

TEST(LoadGenerator, OneConnectionThatFailsLeavesTheOthersToTheirWork) {
    const auto one_leaves = [](Peer peer) -> conc::Task<void> {
        if (peer.number == 2) {
            co_return;
        }
        co_await echo(peer);
    };
    Options options = messages(2000);
    options.connections = 4;
    const Report report = run_load_against(one_leaves, options);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    EXPECT_GE(report.measured.of(Fate::verified), 1999U);
    EXPECT_EQ(report.measured.sent, 2000U);
}

TEST(LoadGenerator, NobodyThereIsSaidAfterOneAttempt) {
    Report report;
    const auto command = [&report](net::Address address, Console* console) -> conc::Task<ExitStatus> {
        Options options{.address = std::move(address), .connections = 1000};
        Generator generator(options, console, conc::Context::background(), conc::Context::background());
        report = co_await generator.run();
        co_return status_of(report);
    };
    EXPECT_EQ(run_against_nobody(1, command).status, ExitStatus::unreachable);
    EXPECT_EQ(report.connected, 0U);
    EXPECT_THAT(report.connection_failures, ElementsAre(Pair("cannot connect: Connection refused", 1U)));
}

TEST(LoadGenerator, ProgressIsShownOnATerminalAndTakenAway) {
    const Terminal terminal;
    const MemoryFile nothing;
    const auto command = [&](net::Address address, Console*) -> conc::Task<ExitStatus> {
        Console console({.input = nothing.fd(), .output = nothing.fd(), .error = terminal.terminal.get()});
        Options options{.address = std::move(address), .connections = 1, .duration = 1100ms};
        Generator generator(options, &console, conc::Context::background(), conc::Context::background());
        const Report report = co_await generator.run();
        co_return status_of(report);
    };
    EXPECT_EQ(run_against(1, echo, command).status, ExitStatus::verified);
    EXPECT_THAT(terminal.seen(), MatchesRegex("(\r1 s: [0-9]+ messages/s, p99 [0-9.]+ ms, 0 errors.\\[K)\r.\\[K"));
}

TEST(LoadGenerator, AnOpenLoopSendsWhatIsPlanned) {
    Options options{.address = {}, .connections = 3, .duration = 500ms, .depth = 4, .rate = 1000, .timeout = 30s};
    const Report report = run_load_against(echo, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.planned, 500U);
    EXPECT_EQ(report.measured.sent + report.unsent(), 500U);
    EXPECT_EQ(report.from_sent.count(), report.measured.of(Fate::verified));
    EXPECT_GT(report.generator.lag.count(), 0U);
}

// Coordinated omission: while the server stalls, one message is on its way, and a hundred fall due.
TEST(LoadGenerator, AStallShowsInLatencyFromPlanAndNotFromSending) {
    const auto behaviour = [](Peer peer) -> conc::Task<void> {
        for (int i = 0; i < 100; ++i) {
            const std::string one = co_await receive_exactly(peer.stream, 64);
            (void)co_await peer.stream->send_all(one);
        }
        const std::string one = co_await receive_exactly(peer.stream, 64);
        co_await conc::sleep_for(1s);
        (void)co_await peer.stream->send_all(one);
        co_await echo(peer);
    };
    Options options{.address = {}, .connections = 1, .duration = 3s, .rate = 200, .timeout = 30s};
    const Report report = run_load_against(behaviour, options);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_EQ(report.measured.sent, 600U);
    EXPECT_GE(report.from_planned.percentile(99), 900ms);
    EXPECT_GE(report.from_planned.percentile(75), 100ms) << "a third of the messages met the stall";
    EXPECT_LT(report.from_sent.percentile(99), 500ms);
    EXPECT_GE(report.from_sent.max(), 1s) << "the one that was on its way";
}

TEST(LoadGenerator, StoppedEarlyItWaitsForWhatIsInFlight) {
    const auto scope = conc::with_cancel(conc::Context::background());
    const auto stop_at_the_tenth = [&scope](Peer peer) -> conc::Task<void> {
        const std::string bytes = co_await receive_exactly(peer.stream, 640);
        scope.cancel();
        (void)co_await peer.stream->send_all(bytes);
        co_await echo(peer);
    };
    Options options{.address = {}, .connections = 1, .duration = 1h, .depth = 10, .timeout = 30s};
    const Report report = run_load_against(stop_at_the_tenth, options, {.stop = scope.ctx});
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_GE(report.measured.of(Fate::verified), 10U);
    EXPECT_LT(report.measured_time, 1min);
}

TEST(LoadGenerator, AbortedItCountsWhatIsInFlight) {
    const auto stop = conc::with_cancel(conc::Context::background());
    const auto abort = conc::with_cancel(conc::Context::background());
    const auto silent = [&](Peer peer) -> conc::Task<void> {
        (void)co_await receive_exactly(peer.stream, 640);
        stop.cancel();
        abort.cancel();
        co_await listen_in_silence(peer);
    };
    Options options{.address = {}, .connections = 1, .duration = 1h, .depth = 10, .timeout = 1h};
    const Report report = run_load_against(silent, options, {.stop = stop.ctx, .abort = abort.ctx});
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(report.measured.of(Fate::in_flight), 10U);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
}

}  // namespace
}  // namespace mynah::client::load
