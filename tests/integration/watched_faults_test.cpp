// mynah watch against the faults that mynahd commits on purpose: each is found, is called what it is, and counted as in
// the daemon's own log, to the byte. What a script can do beyond that is in watch_faults_test.cpp.
#include "tests/integration/watched_faults.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;

/// Of what was sent or came back, nothing is called anything but `these` and echoed.
void expect_only(const WatchReport& report, const std::vector<std::string>& these) {
    for (const auto& [name, bytes] : report.json["bytes"].items()) {
        if (name != "sent" && name != "echoed") {
            EXPECT_EQ(bytes.get<std::uint64_t>() > 0, testing::Value(these, testing::Contains(name)))
                << name << ": " << bytes << "\n"
                << report.out << report.json["events"];
        }
    }
}

void expect_clean(const WatchReport& report) {
    EXPECT_EQ(report.verdict(), "clean") << report.out;
    EXPECT_EQ(report.status, 0);
    EXPECT_EQ(report.json["unrepaired"], 0);
}

void expect_loss(const WatchReport& report) {
    EXPECT_EQ(report.verdict(), "loss") << report.out;
    EXPECT_EQ(report.status, 1);
}

/// Over a stream that no fault ends every byte of ours was read, and every byte of the daemon's came back as something.
void expect_all_accounted_for(const WatchedFaults& ended) {
    EXPECT_EQ(ended.never_read(), 0U);
    EXPECT_EQ(ended.came_back(), ended.total("bytes_out"));
}

/// By transport and seed; the size of the frames goes with the seed, so that faults stand elsewhere in them.
class StreamFaults : public testing::TestWithParam<std::tuple<const char*, int>> {
  protected:
    static std::string transport() { return std::get<0>(GetParam()); }
    static std::size_t seed() { return static_cast<std::size_t>(std::get<1>(GetParam())); }

    static std::string frame_bytes() { return std::vector<std::string>{"256", "104", "1400"}.at(seed() - 1); }

    /// An answer may take as long as it likes.
    static std::vector<std::string> flags() {
        return {"-c", "4", "-r", "3000", "-s", frame_bytes(), "-W", std::to_string(patience().count()) + "ms"};
    }
    /// Twelve, of which every second attempt is refused: the twelfth that stays is the 23rd.
    static constexpr int kUntilTwelveStay = 23;
    static std::vector<std::string> twelve_connections() {
        std::vector<std::string> many = flags();
        many.at(1) = "12";
        return many;
    }
    static std::string rule(const std::string& text) { return text + ",seed=" + std::to_string(seed()); }
    /// Spans at even distances, so that they are far enough apart to be told from each other: two that 32 bytes or less
    /// stand between may count as one. Each stands an eighth of a frame farther in its frame than the one before, so
    /// never within the last few bytes of all, of which nothing that follows could tell what happened to them.
    static std::string far_apart() {
        return std::vector<std::string>{"every=4128,length=1", "every=1677,length=40", "every=11375,length=700"}.at(
            seed() - 1);
    }
    /// A place that is no multiple of any of our frames, so that it is never behind the last byte of all.
    static std::string place() { return std::vector<std::string>{"50021", "30011", "90001"}.at(seed() - 1); }
};
INSTANTIATE_TEST_SUITE_P(Matrix, StreamFaults,
                         testing::Combine(testing::Values("tcp", "unix"), testing::Values(1, 2, 3)),
                         [](const auto& tested) {
                             return std::get<0>(tested.param) + ("_" + std::to_string(std::get<1>(tested.param)));
                         });

constexpr double kSeveral = 25;

TEST_P(StreamFaults, CorruptIsCorrupted) {
    FaultyWatch run(transport(), {rule("corrupt,mean=5000,length=1"), rule("corrupt,mean=20000,length=70")}, flags());
    run.wait_for_faults("corrupt", kSeveral);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    expect_only(ended.watch, {"corrupted"});
    EXPECT_EQ(ended.watch.bytes("corrupted"), ended.done("corrupt_bytes"));
    expect_all_accounted_for(ended);
}

TEST_P(StreamFaults, DropIsSilent) {
    FaultyWatch run(transport(), {"drop," + far_apart()}, flags());
    run.wait_for_faults("drop", kSeveral);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    // Of bytes at the very end nobody can tell that they were dropped: nothing but the FIN comes after them.
    EXPECT_EQ(ended.watch.bytes("silent") + ended.watch.bytes("unacknowledged"), ended.done("drop_bytes"));
    EXPECT_LE(ended.watch.bytes("unacknowledged"), ended.watch.json["connections"]["fins"].get<std::uint64_t>() * 700);
    EXPECT_GT(ended.watch.bytes("silent"), 0U);
    for (const char* other : {"reset", "corrupted", "duplicated", "misdelivered", "reordered", "foreign"}) {
        EXPECT_EQ(ended.watch.bytes(other), 0U) << other;
    }
    expect_all_accounted_for(ended);
}

TEST_P(StreamFaults, DuplicateIsDuplicated) {
    FaultyWatch run(transport(), {"duplicate," + far_apart()}, flags());
    run.wait_for_faults("duplicate", kSeveral);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    expect_only(ended.watch, {"duplicated"});
    EXPECT_EQ(ended.watch.bytes("duplicated"), ended.done("duplicate_bytes"));
    expect_all_accounted_for(ended);
}

// Where faults of several kinds come to stand within 32 bytes of each other, they may be told apart in another way than
// they were done. What was sent and what came back add up all the same.
TEST_P(StreamFaults, OfSeveralKindsEveryByteIsAccountedFor) {
    FaultyWatch run(transport(),
                    {rule("corrupt,mean=7000,length=3"), rule("drop,mean=9000,length=40"),
                     rule("duplicate,mean=11000,length=90"), rule("short_write,mean=13000,length=20")},
                    flags());
    for (const char* kind : {"corrupt", "drop", "duplicate"}) {
        run.wait_for_faults(kind, kSeveral / 2);
    }
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    for (const char* fate : {"corrupted", "silent", "duplicated"}) {
        EXPECT_GT(ended.watch.bytes(fate), 0U) << fate;
    }
    expect_all_accounted_for(ended);
}

TEST_P(StreamFaults, WhatOnlyTakesTimeIsClean) {
    FaultyWatch run(transport(),
                    {rule("delay,mean=20000,duration=30ms"), rule("stall,mean=30000,duration=30ms"),
                     rule("short_write,mean=9000,length=50")},
                    flags());
    for (const char* kind : {"delay", "stall", "short_write"}) {
        run.wait_for_faults(kind, 8);
    }
    const WatchedFaults ended = run.end();
    expect_clean(ended.watch);
    expect_only(ended.watch, {});
    EXPECT_EQ(ended.watch.json["connections"]["opened"], 4);
    EXPECT_EQ(ended.watch.bytes("echoed"), ended.watch.bytes("sent"));
    EXPECT_GE(ended.watch.json["latency"]["from_sent"]["max"], 30'000'000) << "nothing was held back";
    expect_all_accounted_for(ended);
}

TEST_P(StreamFaults, FinLeavesUnacknowledgedWhatIsRepairedThen) {
    FaultyWatch run(transport(), {"fin,every=" + place()}, flags());
    run.wait_for_faults("fin", 10);
    const WatchedFaults ended = run.end();
    expect_clean(ended.watch);
    expect_only(ended.watch, {"unacknowledged"});
    EXPECT_EQ(ended.watch.json["connections"]["fins"], ended.done("fin"));
    // What the session had read when its place came, and what it read behind its FIN.
    EXPECT_EQ(ended.watch.bytes("unacknowledged"), ended.done("fin_bytes") + ended.total("discarded_after_fin"));
    EXPECT_GE(ended.watch.json["sent_again"], ended.watch.bytes("unacknowledged"));
    expect_all_accounted_for(ended);
    if (transport() == "tcp") {
        expect_same_connections(ended);
    }
}

std::size_t count_lines(std::string_view text, std::string_view part) {
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
        ++times;
    }
    return times;
}

/// Once for each transport, as it waits for timeouts.
class StallFaults : public StreamFaults {};
INSTANTIATE_TEST_SUITE_P(Matrix, StallFaults, testing::Combine(testing::Values("tcp", "unix"), testing::Values(1)),
                         [](const auto& tested) { return std::string(std::get<0>(tested.param)); });

TEST_P(StallFaults, StallIsSilentByTimeout) {
    // Short, as this is waited for. A machine that stands still for as long makes one more timeout, not a wrong sum.
    std::vector<std::string> stalled = flags();
    stalled.back() = std::to_string(patience(std::chrono::milliseconds(2000)).count()) + "ms";
    FaultyWatch run(transport(), {"stall,at=" + place()}, stalled);
    EXPECT_TRUE(run.process().wait_for(Output::error,
                                       [](std::string_view text) { return count_lines(text, "): timeout") >= 4; }));
    // The daemon finds within 20 ms that the peer is gone, and then says what it had read.
    run.wait_for("mynahd_fault_bytes_total{kind=\"stall\"}", 4);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    expect_only(ended.watch, {"silent"});
    EXPECT_GE(ended.watch.json["connections"]["timeouts"], 4);
    EXPECT_GE(ended.done("stall"), 4U);
    // What the session had read, and what was still in the kernel when we gave up.
    EXPECT_EQ(ended.watch.bytes("silent"), ended.done("stall_bytes") + ended.never_read());
    EXPECT_EQ(ended.came_back(), ended.total("bytes_out"));
    if (transport() == "tcp") {
        expect_same_connections(ended);
    }
}

TEST_P(StreamFaults, RefuseByFinMakesOneMoreAttemptAndLosesNothing) {
    FaultyWatch run(transport(), {"refuse,every=2,by=fin"}, twelve_connections());
    run.wait_for("mynahd_connections_accepted_total", kUntilTwelveStay);
    const WatchedFaults ended = run.end();
    expect_clean(ended.watch);
    const json& connections = ended.watch.json["connections"];
    // connect(2) may have succeeded before the connection was refused, or tell of that itself.
    EXPECT_EQ(connections["opened"].get<std::uint64_t>() + connections["refusals"].get<std::uint64_t>(),
              std::uint64_t{kUntilTwelveStay});
    EXPECT_EQ(ended.done("refuse"), kUntilTwelveStay - 12U);
    std::uint64_t refused_bytes = 0;
    for (const json& connection : connections["list"]) {
        if (connection["ending"] == "finished") {
            EXPECT_EQ(connection["bytes"]["echoed"], connection["bytes"]["sent"]);
        } else {
            EXPECT_EQ(connection["bytes"]["echoed"], 0);
            refused_bytes += connection["bytes"]["sent"].get<std::uint64_t>();
        }
    }
    EXPECT_EQ(ended.watch.bytes("unacknowledged"), refused_bytes);
    EXPECT_EQ(ended.watch.bytes("unacknowledged"), ended.total("discarded_after_fin"));
    expect_all_accounted_for(ended);
}

/// Only TCP has them.
class ResetFaults : public StreamFaults {};
INSTANTIATE_TEST_SUITE_P(Matrix, ResetFaults, testing::Combine(testing::Values("tcp"), testing::Values(1, 2, 3)),
                         [](const auto& tested) { return "tcp_" + std::to_string(std::get<1>(tested.param)); });

TEST_P(ResetFaults, ResetIsReset) {
    FaultyWatch run("tcp", {"reset,every=" + place()}, flags());
    run.wait_for_faults("reset", 10);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    expect_only(ended.watch, {"reset"});
    EXPECT_EQ(ended.watch.json["connections"]["resets"], ended.done("reset"));
    EXPECT_EQ(ended.watch.json["sent_again"], 0);
    // What the session had read, and what came after its last look: the kernel threw that away with the connection.
    EXPECT_EQ(ended.watch.bytes("reset"), ended.done("reset_bytes") + ended.never_read());
    EXPECT_EQ(ended.came_back(), ended.total("bytes_out"));
    expect_same_connections(ended);
}

/// By seed. So few that no queue of the kernel overflows, even where one side has no core for half a second.
class DatagramFaults : public testing::TestWithParam<int> {
  protected:
    static constexpr std::uint64_t kFrame = 256;

    /// What does not come is waited for until then; what comes later all the same is not called silent.
    static std::vector<std::string> flags(const char* sockets) {
        return {"-c",  sockets, "-r",
                "300", "-W",    std::to_string(patience(std::chrono::milliseconds(2000)).count()) + "ms"};
    }
    static std::string rule(const std::string& text) { return text + ",seed=" + std::to_string(GetParam()); }

    /// Those that the daemon did not come to, as its queue was full.
    static std::uint64_t overflowed(const WatchedFaults& ended) {
        return logged_number(ended.log, " datagrams received=", "receive_queue") * kFrame;
    }
};
INSTANTIATE_TEST_SUITE_P(Matrix, DatagramFaults, testing::Values(1, 2));

TEST_P(DatagramFaults, CorruptDropAndDuplicateAreToldApart) {
    FaultyWatch run("udp", {rule("corrupt,mean=12,length=2"), rule("drop,mean=15,length=2"), rule("duplicate,mean=18")},
                    flags("3"));
    run.wait_for_faults("corrupt", kSeveral);
    run.wait_for_faults("duplicate", kSeveral / 2);
    const WatchedFaults ended = run.end();
    expect_loss(ended.watch);
    EXPECT_EQ(ended.watch.bytes("silent"), ended.done("drop_bytes") + overflowed(ended));
    // One that was changed and sent twice is changed twice, and of the second only what is right is known again.
    EXPECT_EQ(ended.watch.bytes("corrupted"), ended.done("corrupt_bytes"));
    EXPECT_EQ(ended.watch.bytes("duplicated") + ended.watch.bytes("foreign"), ended.done("duplicate_bytes"));
    EXPECT_EQ(ended.watch.bytes("misdelivered"), 0U);
    EXPECT_EQ(ended.watch.bytes("reordered"), 0U);
}

TEST_P(DatagramFaults, ReorderIsReorderedAndNoLoss) {
    // Places far enough from each other that those held back do not change the order among themselves.
    const std::string distance = std::vector<std::string>{"7", "10"}.at(static_cast<std::size_t>(GetParam()) - 1);
    FaultyWatch run("udp", {"reorder,every=" + distance + ",length=4"}, flags("1"));
    run.wait_for_faults("reorder", kSeveral);
    const WatchedFaults ended = run.end();
    // The last one is held back for ever where less than four follow it.
    EXPECT_EQ(ended.watch.bytes("reordered") + ended.watch.bytes("silent"),
              ended.done("reorder") * kFrame + overflowed(ended));
    EXPECT_LE(ended.watch.bytes("silent"), kFrame + overflowed(ended));
    for (const char* other : {"corrupted", "duplicated", "misdelivered", "foreign"}) {
        EXPECT_EQ(ended.watch.bytes(other), 0U) << other;
    }
    EXPECT_EQ(ended.watch.verdict(), ended.watch.bytes("silent") == 0 ? "clean" : "loss");
}

TEST_P(DatagramFaults, DelayIsNoLoss) {
    FaultyWatch run("udp", {rule("delay,mean=10,duration=30ms")}, flags("3"));
    run.wait_for_faults("delay", kSeveral);
    const WatchedFaults ended = run.end();
    EXPECT_EQ(ended.watch.bytes("silent"), overflowed(ended));
    EXPECT_EQ(ended.watch.bytes("echoed") + overflowed(ended), ended.watch.bytes("sent"));
    EXPECT_GT(ended.watch.bytes("reordered"), 0U) << "the next ones overtake it";
    EXPECT_GE(ended.watch.json["latency"]["from_sent"]["max"], 30'000'000) << "nothing was held back";
}

/// By RST what was sent before it came is lost, and nothing else is.
TEST_P(ResetFaults, RefuseByResetMakesOneMoreAttempt) {
    FaultyWatch run("tcp", {"refuse,every=2"}, twelve_connections());
    run.wait_for("mynahd_connections_accepted_total", kUntilTwelveStay);
    const WatchedFaults ended = run.end();
    const json& connections = ended.watch.json["connections"];
    EXPECT_EQ(connections["opened"].get<std::uint64_t>() + connections["refusals"].get<std::uint64_t>(),
              std::uint64_t{kUntilTwelveStay});
    EXPECT_EQ(ended.done("refuse"), kUntilTwelveStay - 12U);
    EXPECT_EQ(connections["finished"], 12);
    EXPECT_EQ(ended.watch.bytes("reset"), ended.never_read());
    EXPECT_EQ(ended.watch.verdict(), ended.watch.bytes("reset") == 0 ? "clean" : "loss");
    EXPECT_EQ(ended.came_back(), ended.total("bytes_out"));
}

class CleanStream : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Matrix, CleanStream, testing::Values("tcp", "unix"));

TEST_P(CleanStream, FiftyThousandFramesReportNothing) {
    FaultyWatch run(GetParam(), {},
                    {"-c", "8", "-r", "40000", "-s", "64", "-W", std::to_string(patience().count()) + "ms"});
    run.wait_for("mynahd_received_bytes_total{transport=\"" + std::string(GetParam()) + "\"}", 50'000 * 64);
    const WatchedFaults ended = run.end();
    expect_clean(ended.watch);
    expect_only(ended.watch, {});
    EXPECT_GE(ended.watch.json["frames"]["echoed"], 50'000);
    EXPECT_EQ(ended.watch.json["events"]["count"], 0);
    EXPECT_EQ(ended.watch.bytes("echoed"), ended.total("bytes_out"));
}

}  // namespace
}  // namespace mynah::integration
