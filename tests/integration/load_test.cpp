// mynah load: its statistics, its files and its exit status, against mynahd and against servers that misbehave.
#include <atomic>
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
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

struct LoadRun {
    RunResult result;
    json report;
};

/// Runs mynah load with --json, and checks what holds for every report.
LoadRun run_load(const std::string& address, std::vector<std::string> more) {
    const ScratchFolder folder;
    more.insert(more.begin(), {"load", address, "--json", folder.path("report.json")});
    LoadRun run{.result = run_mynah(more, {}, patience(std::chrono::seconds(60))), .report = {}};
    run.report = json::parse(folder.read("report.json"));
    EXPECT_EQ(run.report["schema"], "mynah-load/1");
    EXPECT_EQ(run.report["status"], run.result.status);
    const json& messages = run.report["messages"];
    std::uint64_t sum = 0;
    for (const char* fate : {"verified", "mismatched", "lost", "timed_out", "in_flight"}) {
        sum += messages[fate].get<std::uint64_t>();
    }
    EXPECT_EQ(messages["sent"].get<std::uint64_t>(), sum) << messages;
    EXPECT_EQ(run.report["latency"]["from_sent"]["count"], messages["verified"]);
    return run;
}

/// Whatever comes, changed by `change`, which is told where in the stream it begins.
template <class Change>
ScriptedServer::Script echo_changed(Change change) {
    return [change](int connection) {
        std::size_t offset = 0;
        for (std::string bytes = receive_some(connection); !bytes.empty(); bytes = receive_some(connection)) {
            const std::size_t begin = offset;
            offset += bytes.size();
            change(bytes, begin);
            if (!send_all(connection, bytes)) {
                return;
            }
        }
    };
}

constexpr std::size_t kBadByte = 10'000;

TEST(Load, VerifiesEveryByteAgainstTheDaemon) {
    Daemon daemon;
    const LoadRun run = run_load(daemon.endpoint().text(),
                                 {"-c", "20", "-d", "300ms", "--warm-up", "100ms", "-s", "1-3000", "-p", "4"});
    EXPECT_EQ(run.result.status, 0) << run.result.out;
    EXPECT_EQ(run.result.err, "");
    EXPECT_THAT(run.result.out, AllOf(HasSubstr("messages/s"), HasSubstr("p99.99"), Not(HasSubstr("! 0"))));
    EXPECT_EQ(run.report["connections"]["connected"], 20);
    EXPECT_GT(run.report["messages"]["verified"], 0);
    EXPECT_GT(run.report["warm_up"]["messages"]["verified"], 0);
    EXPECT_EQ(run.report["bytes"]["sent"], run.report["bytes"]["verified"]);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Load, EveryDriverCarriesIt) {
    Daemon daemon;
    for (const char* driver : {"auto", "select", "poll", "epoll", "io_uring"}) {
        const LoadRun run =
            run_load(daemon.endpoint().text(), {"-c", "5", "-n", "2000", "-p", "2", "--driver", driver});
        EXPECT_EQ(run.result.status, 0) << driver << ": " << run.result.out << run.result.err;
        EXPECT_EQ(run.report["messages"]["verified"], 2000) << driver;
        EXPECT_EQ(run.report["parameters"]["driver"], driver);
    }
}

TEST(Load, MoreConnectionsThanSelectCanWatchAndTheSoftLimitAllows) {
    Daemon daemon(std::vector<std::string>{"--max-connections", "1500"});
    const ScratchFolder folder;
    Process load({.program = MYNAH_MYNAH_PROGRAM,
                  .arguments = {"load", daemon.endpoint().text(), "-c", "1200", "-n", "5000", "-W", "30s", "--json",
                                folder.path("report.json")},
                  .environment = {},
                  .directory = {},
                  .max_descriptors = std::nullopt,
                  .core = std::nullopt});
    const auto ending = load.wait(patience(std::chrono::seconds(60)));
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0) << load.text(Output::standard) << load.text(Output::error);
    EXPECT_EQ(json::parse(folder.read("report.json"))["connections"]["connected"], 1200);
}

TEST(Load, TooFewDescriptorsAreSaidBeforeAnythingIsSent) {
    Daemon daemon;
    Process load({.program = MYNAH_MYNAH_PROGRAM,
                  .arguments = {"load", daemon.endpoint().text(), "-c", "500"},
                  .environment = {},
                  .directory = {},
                  .max_descriptors = 100,
                  .core = std::nullopt});
    const auto ending = load.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 2);
    EXPECT_EQ(load.text(Output::standard), "");
    EXPECT_THAT(load.text(Output::error),
                MatchesRegex("mynah: 500 connections take 532 descriptors, and this process may open 100: [^\n]+\n"));
}

TEST(Load, AnOpenLoopKeepsItsRate) {
    Daemon daemon;
    const LoadRun run = run_load(daemon.endpoint().text(), {"-c", "8", "-p", "50", "-r", "1000", "-d", "1s"});
    EXPECT_EQ(run.result.status, 0) << run.result.out;
    EXPECT_EQ(run.report["messages"]["planned"], 1000);
    EXPECT_EQ(run.report["messages"]["sent"], 1000) << run.result.out;
    EXPECT_THAT(run.result.out, AllOf(HasSubstr("from plan"), HasSubstr("from sending")));
}

TEST(Load, AByteThatIsChangedIsExitStatusOneAndLocated) {
    const ScriptedServer liar(echo_changed([](std::string& bytes, std::size_t begin) {
        if (begin <= kBadByte && kBadByte < begin + bytes.size()) {
            bytes[kBadByte - begin] = static_cast<char>(bytes[kBadByte - begin] ^ 4);
        }
    }));
    const LoadRun run = run_load(liar.address(), {"-c", "1", "-n", "500"});
    EXPECT_EQ(run.result.status, 1);
    EXPECT_EQ(run.report["messages"]["mismatched"], 1);
    EXPECT_EQ(run.report["messages"]["verified"], 499);
    EXPECT_THAT(run.result.out, HasSubstr("\n! connection 1, offset 10000: 1 byte changed (sent 0x"));
}

TEST(Load, AByteThatIsDroppedIsExitStatusOneAndLocated) {
    const ScriptedServer thief(echo_changed([](std::string& bytes, std::size_t begin) {
        if (begin <= kBadByte && kBadByte < begin + bytes.size()) {
            bytes.erase(kBadByte - begin, 1);
        }
    }));
    const LoadRun run = run_load(thief.address(), {"-c", "1", "-n", "5000", "-p", "16"});
    EXPECT_EQ(run.result.status, 1);
    EXPECT_EQ(run.report["messages"]["verified"], kBadByte / 64);
    EXPECT_THAT(run.result.out, HasSubstr("\n! connection 1, offset 10000: 1 byte lost (sent 0x"));
}

TEST(Load, ASilentServerIsExitStatusThree) {
    const ScriptedServer silent(read_and_never_answer);
    const LoadRun run = run_load(silent.address(), {"-c", "1", "-p", "3", "-W", "200ms"});
    EXPECT_EQ(run.result.status, 3);
    EXPECT_EQ(run.report["messages"]["timed_out"], 3);
    EXPECT_THAT(run.result.out, HasSubstr("! 1 of 1 connection: no answer within 200ms"));
}

TEST(Load, AnEarlyEndIsExitStatusOne) {
    const ScriptedServer hasty([](int connection) { send_all(connection, receive_some(connection, 100)); });
    const LoadRun run = run_load(hasty.address(), {"-c", "1", "-p", "4"});
    EXPECT_EQ(run.result.status, 1);
    EXPECT_EQ(run.report["messages"]["verified"], 1);
    EXPECT_GE(run.report["messages"]["lost"], 3);
}

TEST(Load, AResetIsExitStatusOne) {
    const ScriptedServer resets([](int connection) {
        receive_some(connection, 1);
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    });
    const LoadRun run = run_load(resets.address(), {"-c", "1"});
    EXPECT_EQ(run.result.status, 1);
    EXPECT_EQ(run.report["messages"]["lost"], 1);
    EXPECT_THAT(run.result.out, HasSubstr("Connection reset by peer"));
}

TEST(Load, ARefusedPortIsExitStatusThree) {
    std::string address;
    {
        const LoopbackListener closed_soon = listen_on_loopback();
        address = closed_soon.endpoint.text();
    }
    const LoadRun run = run_load(address, {"-c", "100"});
    EXPECT_EQ(run.result.status, 3);
    EXPECT_EQ(run.report["connections"]["connected"], 0);
    EXPECT_EQ(run.report["connections"]["failures"][0]["count"], 1) << "one attempt is enough to know";
    EXPECT_EQ(run.result.out, "");
    EXPECT_EQ(run.result.err, "mynah: cannot connect to " + address + ": Connection refused\n");
}

// Coordinated omission. The server answers 100 messages, is dead for a second, and then answers all: with -p 1 just one
// message is on its way meanwhile, but a third of those that were planned had to wait.
TEST(Load, AStallShowsInLatencyFromPlanAndNotFromSending) {
    constexpr std::chrono::seconds kStall(1);
    const ScriptedServer stalls([kStall](int connection) {
        std::size_t received = 0;
        bool stalled = false;
        for (std::string bytes = receive_some(connection); !bytes.empty(); bytes = receive_some(connection)) {
            received += bytes.size();
            if (received > std::size_t{100} * 64 && !std::exchange(stalled, true)) {
                std::this_thread::sleep_for(kStall);  // the stall itself
            }
            if (!send_all(connection, bytes)) {
                return;
            }
        }
    });
    const LoadRun run = run_load(stalls.address(), {"-c", "1", "-r", "200", "-d", "3s", "-W", "30s"});
    EXPECT_EQ(run.result.status, 0) << run.result.out;
    EXPECT_EQ(run.report["messages"]["sent"], 600);
    const json& latency = run.report["latency"];
    const auto nanoseconds = std::chrono::nanoseconds(kStall).count();
    EXPECT_GE(latency["from_planned"]["p99"], nanoseconds * 9 / 10);
    EXPECT_LT(latency["from_sent"]["p99"], nanoseconds / 2);
    EXPECT_GE(latency["from_sent"]["max"], nanoseconds);
}

TEST(Load, AnInterruptEndsItWithTheStatisticsSoFar) {
    Daemon daemon;
    const std::size_t before = daemon.process().open_descriptors();
    Process load({.program = MYNAH_MYNAH_PROGRAM,
                  .arguments = {"load", daemon.endpoint().text(), "-c", "3", "-d", "1h"},
                  .environment = {},
                  .directory = {},
                  .max_descriptors = std::nullopt,
                  .core = std::nullopt});
    // Connections at the daemon mean that the signals are handled: the program asks for them before it connects.
    ASSERT_TRUE(eventually([&] { return daemon.process().open_descriptors() >= before + 3; }));
    load.send_signal(SIGINT);
    const auto ending = load.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0) << load.text(Output::standard);
    EXPECT_THAT(load.text(Output::standard), AllOf(HasSubstr("verified "), HasSubstr("! interrupted")));
}

TEST(Load, ASecondInterruptDoesNotWaitForAnswers) {
    std::atomic<bool> received{false};
    const ScriptedServer silent([&received](int connection) {
        received = !receive_some(connection).empty();
        read_and_never_answer(connection);
    });
    Process load({.program = MYNAH_MYNAH_PROGRAM,
                  .arguments = {"load", silent.address(), "-c", "1", "-W", "1h"},
                  .environment = {},
                  .directory = {},
                  .max_descriptors = std::nullopt,
                  .core = std::nullopt});
    ASSERT_TRUE(eventually([&received] { return received.load(); }));
    // Two signals that come at once are one to the kernel.
    std::optional<Ending> ending;
    EXPECT_TRUE(eventually([&] {
        load.send_signal(SIGINT);
        ending = load.wait(std::chrono::milliseconds(100));
        return ending.has_value();
    }));
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 1);
    EXPECT_THAT(load.text(Output::standard), AllOf(HasSubstr("in flight "), HasSubstr("! interrupted")));
}

TEST(Load, WritesAPage) {
    Daemon daemon;
    const ScratchFolder folder;
    const RunResult run =
        run_mynah({"load", daemon.endpoint().text(), "-n", "100", "--html", folder.path("report.html")});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_THAT(folder.read("report.html"),
                AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("<svg"), HasSubstr("</html>")));
}

TEST(Load, AFileThatCannotBeWrittenIsSaidBeforeAnythingIsSent) {
    const RunResult run = run_mynah({"load", "tcp://127.0.0.1:1", "--json", "/nowhere/report.json"});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "mynah: cannot write /nowhere/report.json: No such file or directory\n");
}

TEST(Load, AFullDiskIsExitStatusOne) {
    Daemon daemon;
    const RunResult run = run_mynah({"load", daemon.endpoint().text(), "-n", "10", "--html", "/dev/full"});
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.out, HasSubstr("verified "));
    EXPECT_EQ(run.err, "mynah: cannot write /dev/full: No space left on device\n");
}

}  // namespace
}  // namespace mynah::integration
