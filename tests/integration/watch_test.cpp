// mynah watch against mynahd: a clean run, a rollout, a crash; its files and its exit status.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

void expect_clean(const WatchReport& report) {
    EXPECT_EQ(report.status, 0) << report.out << report.err;
    EXPECT_EQ(report.verdict(), "clean");
    EXPECT_THAT(report.out, HasSubstr("\nverdict: clean\n"));
    EXPECT_GT(report.bytes("sent"), 0U);
    for (const char* name : {"reset", "silent", "corrupted", "duplicated", "misdelivered", "reordered", "foreign"}) {
        EXPECT_EQ(report.bytes(name), 0U) << name;
    }
    EXPECT_EQ(report.json["unrepaired"], 0);
}

std::size_t count(std::string_view text, std::string_view part) {
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
        ++times;
    }
    return times;
}

[[nodiscard]] bool wait_for_connections(std::uint16_t port, std::size_t count) {
    return eventually([port, count] { return unread_bytes(port).size() == count; });
}

TEST(Watch, ACleanRunIsClean) {
    Daemon daemon;
    WatchRun watch(daemon.endpoint().text(), {"-c", "5", "-r", "500", "-d", "500ms"});
    const WatchReport report = watch.end(false);
    expect_clean(report);
    EXPECT_EQ(report.bytes("echoed"), report.bytes("sent"));
    EXPECT_EQ(report.err, "");
    EXPECT_EQ(report.json["connections"]["finished"], 5);
    EXPECT_EQ(report.json["events"]["count"], 0);
    EXPECT_EQ(report.json["outages"]["count"], 0);
    EXPECT_EQ(report.json["latency"]["from_planned"]["count"], report.json["frames"]["sent"]);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Watch, UnixSocketsAndLargeFrames) {
    const ScratchFolder folder;
    Daemon daemon(Daemon::Options{.arguments = {}, .listen = {"unix://" + folder.path("echo")}});
    WatchRun watch(daemon.endpoint().text(), {"-c", "2", "-r", "100", "-s", "65507", "-d", "500ms"});
    expect_clean(watch.end(false));
}

/// What the daemon's ledger says of each connection of a watch, by the client's port.
void expect_ledger_agrees(const std::string& ledger, const WatchReport& report) {
    std::map<std::string, const LedgerRow*> by_peer;
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    for (const LedgerRow& row : rows) {
        by_peer[row.peer] = &row;
    }
    std::size_t found = 0;
    for (const json& connection : report.json["connections"]["list"]) {
        const auto row = by_peer.find(connection["local"].get<std::string>());
        if (row == by_peer.end()) {
            continue;
        }
        ++found;
        EXPECT_EQ(row->second->bytes_out, connection["bytes"]["echoed"]) << connection;
        EXPECT_EQ(row->second->bytes_in + row->second->discarded_after_fin, connection["bytes"]["sent"]) << connection;
    }
    EXPECT_EQ(found, rows.size()) << "a connection that the watch knows nothing of";
    EXPECT_GT(found, 0U);
}

TEST(Watch, ARolloutThatDrainsIsClean) {
    constexpr std::size_t kConnections = 8;
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    auto daemon = std::make_unique<Daemon>(
        Daemon::Options{.arguments = {"--drain-spread", "100ms"}, .ledger = "sqlite:" + ledger});
    const std::string address = daemon->endpoint().text();
    const std::uint16_t port = daemon->endpoint().port();
    WatchRun watch(address, {"-c", "8", "-r", "2000"});
    ASSERT_TRUE(wait_for_connections(port, kConnections));
    EXPECT_EQ(daemon->terminate_and_wait(), 0);
    Daemon next(Daemon::Options{.arguments = {}, .listen = {address}});
    // Each of the new ones has had its first echo: the kernel knows of a connection before the watch does.
    ASSERT_TRUE(watch.process().wait_for(
        Output::error, [](std::string_view text) { return count(text, "): outage, ") >= kConnections; }));
    const WatchReport report = watch.end();
    expect_clean(report);
    EXPECT_EQ(report.json["connections"]["fins"], kConnections);
    EXPECT_EQ(report.json["connections"]["opened"], 2 * kConnections);
    EXPECT_EQ(report.json["outages"]["count"], kConnections);
    EXPECT_GT(report.json["outages"]["longest_s"], 0);
    EXPECT_EQ(report.bytes("echoed") + report.bytes("unacknowledged"), report.bytes("sent"));
    expect_ledger_agrees(ledger, report);
}

TEST(Watch, ACrashLosesWhatItHadNotReadToAReset) {
    constexpr std::size_t kConnections = 4;
    auto daemon = std::make_unique<Daemon>();
    const std::string address = daemon->endpoint().text();
    const std::uint16_t port = daemon->endpoint().port();
    WatchRun watch(address, {"-c", "4", "-r", "400", "-W", "60s"});
    ASSERT_TRUE(wait_for_connections(port, kConnections));
    daemon->process().send_signal(SIGSTOP);
    std::vector<std::uint64_t> unread;
    ASSERT_TRUE(eventually([&] {
        unread = unread_bytes(port);
        return unread.size() == kConnections && std::ranges::all_of(unread, [](auto bytes) { return bytes >= 1024; });
    }));
    daemon->process().send_signal(SIGKILL);
    daemon.reset();
    // Four attempts take 75 ms at least, in which frames fall due.
    ASSERT_TRUE(watch.process().wait_for(Output::error,
                                         [](std::string_view text) { return count(text, "lane 1: refused") >= 4; }));
    Daemon next(Daemon::Options{.arguments = {}, .listen = {address}});
    ASSERT_TRUE(wait_for_connections(port, kConnections));
    const WatchReport report = watch.end();
    EXPECT_GT(report.json["frames"]["missed"], 0);
    EXPECT_EQ(report.status, 1);
    EXPECT_EQ(report.verdict(), "loss");
    EXPECT_EQ(report.json["connections"]["resets"], kConnections);
    EXPECT_EQ(report.bytes("reset"), report.bytes("sent") - report.bytes("echoed"));
    std::uint64_t least = 0;
    for (const std::uint64_t bytes : unread) {
        least += bytes;
    }
    EXPECT_GE(report.bytes("reset"), least) << "as much was in the kernel when the daemon was stopped";
    EXPECT_EQ(report.json["losses"]["count"], kConnections);
    for (const json& connection : report.json["connections"]["list"]) {
        if (connection["ending"] == "reset") {
            EXPECT_GE(connection["bytes"]["reset"], 1024);
        } else {
            EXPECT_EQ(connection["bytes"]["echoed"], connection["bytes"]["sent"]);
        }
    }
}

TEST(Watch, DatagramsAreWatchedToo) {
    Daemon daemon(Daemon::Options{.arguments = {}, .listen = {"udp://127.0.0.1:0"}});
    WatchRun watch(daemon.endpoint().text(), {"-c", "3", "-r", "300", "-d", "500ms"});
    const WatchReport report = watch.end(false);
    expect_clean(report);
    EXPECT_EQ(report.bytes("echoed"), report.bytes("sent"));
}

TEST(Watch, AConditionThatHoldsIsExitStatusOne) {
    Daemon daemon;
    const std::vector<std::string> base{"watch", daemon.endpoint().text(), "-c", "1", "-d", "100ms"};
    const auto run = [&base](std::vector<std::string> more) {
        more.insert(more.begin(), base.begin(), base.end());
        return run_mynah(more, {}, patience(std::chrono::seconds(60)));
    };
    EXPECT_EQ(run({"--fail-on", "reset>0", "--fail-on", "max>1h"}).status, 0);
    const RunResult failed = run({"--fail-on", "reset>0", "--fail-on", "sent>=256"});
    EXPECT_EQ(failed.status, 1);
    EXPECT_THAT(failed.out, HasSubstr("\nverdict: clean\n! failed by --fail-on sent>=256: it was 256\n"));
}

TEST(Watch, ARefusedPortIsExitStatusThree) {
    std::string address;
    {
        const LoopbackListener closed_soon = listen_on_loopback();
        address = closed_soon.endpoint.text();
    }
    const RunResult run = run_mynah({"watch", address, "-d", "1s"});
    EXPECT_EQ(run.status, 3);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "mynah: cannot connect to " + address + ": Connection refused\n");
}

TEST(Watch, ASecondInterruptDoesNotWait) {
    std::atomic<bool> received{false};
    const ScriptedServer silent([&received](int connection) {
        received = !receive_some(connection).empty();
        read_and_never_answer(connection);
    });
    WatchRun watch(silent.address(), {"-c", "1", "-W", "1h"});
    ASSERT_TRUE(eventually([&received] { return received.load(); }));
    // Two signals that come at once are one to the kernel.
    EXPECT_TRUE(eventually([&watch] {
        watch.process().send_signal(SIGINT);
        return watch.process().wait(std::chrono::milliseconds(100)).has_value();
    }));
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 1);
    EXPECT_EQ(report.connection(0)["ending"], "abandoned");
    EXPECT_EQ(report.json["unrepaired"], report.bytes("sent"));
    EXPECT_THAT(report.out, HasSubstr("! interrupted"));
}

TEST(Watch, WritesAPage) {
    Daemon daemon;
    const ScratchFolder folder;
    const RunResult run =
        run_mynah({"watch", daemon.endpoint().text(), "-c", "1", "-d", "100ms", "--html", folder.path("report.html")},
                  {}, patience(std::chrono::seconds(60)));
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_THAT(folder.read("report.html"), AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("<svg"), HasSubstr("Clean: "),
                                                  HasSubstr("</html>"), Not(HasSubstr("http"))));
}

TEST(Watch, AFileThatCannotBeWrittenIsSaidBeforeAnythingIsSent) {
    const RunResult run = run_mynah({"watch", "tcp://127.0.0.1:1", "--html", "/nowhere/report.html"});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.err, "mynah: cannot write /nowhere/report.html: No such file or directory\n");
}

TEST(Watch, AMistakeIsOneLineAndExitStatusTwo) {
    for (const std::vector<std::string>& mistake : {std::vector<std::string>{"-s", "63"},
                                                    {"-s", "65508"},
                                                    {"-c", "0"},
                                                    {"-r", "-1"},
                                                    {"--fail-on", "loss"},
                                                    {"--fail-on", "outage>500x"},
                                                    {"--fail-on", "bogus>1"},
                                                    {"--fail-on", "reset>x"}}) {
        std::vector<std::string> arguments{"watch", "tcp://127.0.0.1:1"};
        arguments.insert(arguments.end(), mistake.begin(), mistake.end());
        const RunResult run = run_mynah(arguments);
        EXPECT_EQ(run.status, 2) << mistake[1];
        EXPECT_EQ(run.out, "");
        EXPECT_THAT(run.err, MatchesRegex("mynah: --[a-z-]+: [^\n]+\n")) << mistake[1];
    }
}

}  // namespace
}  // namespace mynah::integration
