// mynah over UDP, against mynahd: what it sends comes back, and what the daemon drops is what it counts as lost.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::string kTarget = "udp://127\\.0\\.0\\.1:[0-9]+";

Daemon::Options udp(std::vector<std::string> more = {}, std::string address = "udp://127.0.0.1:0") {
    return {.arguments = std::move(more), .listen = {std::move(address)}};
}

/// An address of UDP where nobody listens.
std::string nobody() {
    return Daemon(udp()).endpoint().text();
}

/// The number behind ` key=` in the daemon's summary of datagrams.
std::optional<std::uint64_t> counted(const Daemon& daemon, const std::string& key) {
    const std::string log = daemon.log();
    const std::size_t line = log.find(" datagrams received=");
    const std::size_t at = line == std::string::npos ? line : log.find(" " + key + "=", line);
    return at == std::string::npos ? std::nullopt : std::optional(std::stoull(log.substr(at + key.size() + 2)));
}

Process::Options mynah(std::vector<std::string> arguments) {
    return {.program = MYNAH_MYNAH_PROGRAM,
            .arguments = std::move(arguments),
            .environment = {},
            .directory = {},
            .max_descriptors = std::nullopt,
            .core = std::nullopt};
}

json load_report(const std::string& address, std::vector<std::string> more, int status) {
    const ScratchFolder folder;
    more.insert(more.begin(), {"load", address, "--json", folder.path("report.json")});
    const RunResult run = run_mynah(more, {}, patience(std::chrono::seconds(60)));
    EXPECT_EQ(run.status, status) << run.out << run.err;
    json report = json::parse(folder.read("report.json"));
    const json& messages = report["messages"];
    std::uint64_t sum = 0;
    for (const char* fate : {"verified", "mismatched", "lost", "in_flight"}) {
        sum += messages[fate].get<std::uint64_t>();
    }
    EXPECT_EQ(messages["sent"].get<std::uint64_t>(), sum) << messages;
    return report;
}

TEST(DatagramClient, SendGetsATextAndAFileBack) {
    Daemon daemon(udp());
    const std::string address = daemon.endpoint().text();
    const RunResult text = run_mynah({"send", address, "hello"});
    EXPECT_EQ(text.status, 0) << text.err;
    EXPECT_EQ(text.out, "hello\n");
    EXPECT_EQ(text.err, "");
    std::string bytes(1'000'000, '\0');
    fill_pattern(bytes, bytes.size(), 0);
    const RunResult file = run_mynah({"send", address, "-"}, bytes);
    EXPECT_EQ(file.status, 0) << file.err;
    EXPECT_TRUE(file.out == bytes);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "bytes_in"), 1'000'005U);
    EXPECT_GE(*counted(daemon, "echoed"), 1 + 1'000'000U / 1200);
}

TEST(DatagramClient, SendSaysWhatIsWrong) {
    const RunResult refused = run_mynah({"send", nobody(), "hello"});
    EXPECT_EQ(refused.status, 3);
    EXPECT_EQ(refused.out, "\n");
    EXPECT_THAT(refused.err, MatchesRegex("mynah: datagram 1 at offset 0 \\(5 bytes\\) did not come back: " + kTarget +
                                          " refused it: Connection refused\n"));
    const RunResult too_long = run_mynah({"send", nobody(), std::string(65'508, 'x')});
    EXPECT_EQ(too_long.status, 2);
    EXPECT_THAT(too_long.err, MatchesRegex("mynah: TEXT has 65508 bytes, and a datagram has room for 65507[^\n]*\n"));
    Daemon deaf(udp({"--udp-largest", "4"}));
    const RunResult lost = run_mynah({"send", deaf.endpoint().text(), "hello", "--timeout", "200ms"});
    EXPECT_EQ(lost.status, 3);
    EXPECT_EQ(lost.err, "mynah: datagram 1 at offset 0 (5 bytes) did not come back within 200ms\n");
}

TEST(DatagramClient, ChatTalksLineByLine) {
    Daemon daemon(udp());
    const RunResult run = run_mynah({"chat", daemon.endpoint().text()}, "one\ntwo\n");
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "one\ntwo\n");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(counted(daemon, "echoed"), 2U);
}

TEST(DatagramClient, PingMeasuresAndWritesItsReport) {
    Daemon daemon(udp());
    const ScratchFolder folder;
    const RunResult run = run_mynah(
        {"ping", daemon.endpoint().text(), "-c", "3", "-i", "20ms", "-s", "100", "--json", folder.path("ping.json")});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_THAT(run.out, AllOf(ContainsRegex("100 bytes from " + kTarget + ": seq=3 time=[0-9.]+ ms\n"),
                               HasSubstr("3 packets transmitted, 3 received, 0% packet loss"),
                               ContainsRegex("\njitter = [0-9.]+ ms\n")));
    const json report = json::parse(folder.read("ping.json"));
    EXPECT_EQ(report["schema"], "mynah-ping/1");
    EXPECT_EQ(report["status"], 0);
    EXPECT_EQ(report["totals"]["answered"], 3);
    EXPECT_EQ(report["probes"].size(), 3U);
    EXPECT_GT(report["round_trips"]["min"], 0);
}

TEST(DatagramClient, AnInterruptedPingWritesItsReport) {
    Daemon daemon;
    const ScratchFolder folder;
    Process ping(mynah({"ping", daemon.endpoint().text(), "-i", "20ms", "--json", folder.path("ping.json")}));
    ASSERT_TRUE(ping.wait_for(Output::standard, "seq=3"));
    ping.send_signal(SIGINT);
    const auto ending = ping.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0);
    const json report = json::parse(folder.read("ping.json"));
    EXPECT_EQ(report["interrupted"], true);
    EXPECT_GE(report["totals"]["answered"], 3);
}

TEST(DatagramClient, AReportThatCannotBeWrittenIsRefused) {
    const RunResult run = run_mynah({"ping", nobody(), "--json", "/nowhere/ping.json"});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "mynah: cannot write /nowhere/ping.json: No such file or directory\n");
}

TEST(DatagramClient, PingTellsOfADaemonThatIsReplaced) {
    auto first = std::make_unique<Daemon>(udp());
    const std::string address = first->endpoint().text();
    Process ping(mynah({"ping", address, "-i", "20ms", "-W", "5s"}));
    ASSERT_TRUE(ping.wait_for(Output::standard, "seq=3"));
    ASSERT_EQ(first->terminate_and_wait(), 0);
    ASSERT_TRUE(ping.wait_for(Output::error, "refused (Connection refused)"));
    Daemon second(udp({}, address));
    ASSERT_TRUE(ping.wait_for(Output::error, "answers again"));
    ping.send_signal(SIGINT);
    const auto ending = ping.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 1);
    EXPECT_THAT(ping.text(Output::standard), ContainsRegex("lost: seq=[0-9]+ refused \\(Connection refused\\)\n"));
    EXPECT_THAT(ping.text(Output::error), MatchesRegex("mynah: " + kTarget + " refused \\(Connection refused\\)\n" +
                                                       "mynah: " + kTarget + " answers again\n"));
}

TEST(DatagramClient, EveryDriverCarriesALoad) {
    for (const char* driver : {"auto", "select", "poll", "epoll", "io_uring"}) {
        Daemon daemon(udp());
        const json report = load_report(daemon.endpoint().text(),
                                        {"-c", "5", "-n", "2000", "-p", "4", "-s", "16-1400", "--driver", driver}, 0);
        EXPECT_EQ(report["messages"]["verified"], 2000) << driver;
        EXPECT_EQ(report["bytes"]["verified"], report["bytes"]["sent"]);
        EXPECT_EQ(report["datagrams"]["duplicates"], 0);
        EXPECT_EQ(report["datagrams"]["foreign"], 0);
        EXPECT_EQ(daemon.terminate_and_wait(), 0);
        EXPECT_EQ(counted(daemon, "echoed"), 2000U) << driver;
    }
}

TEST(DatagramClient, AnOpenLoopOverDatagramsKeepsItsRate) {
    Daemon daemon(udp());
    const json report = load_report(daemon.endpoint().text(), {"-c", "8", "-p", "50", "-r", "1000", "-d", "1s"}, 0);
    EXPECT_EQ(report["messages"]["planned"], 1000);
    EXPECT_EQ(report["messages"]["sent"], 1000);
    EXPECT_EQ(report["messages"]["verified"], 1000);
}

// A source may send so many at once, and then hardly any: the rest is dropped by the daemon, which counts it.
TEST(DatagramClient, LoadLosesWhatTheDaemonDrops) {
    Daemon daemon(udp({"--udp-rate", "1", "--udp-burst", "10"}));
    const json report = load_report(daemon.endpoint().text(), {"-c", "2", "-n", "60", "-p", "30", "-W", "500ms"}, 1);
    EXPECT_EQ(report["messages"]["sent"], 60);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(report["messages"]["verified"], counted(daemon, "echoed"));
    EXPECT_EQ(report["messages"]["lost"], counted(daemon, "rate"));
    EXPECT_GE(report["messages"]["verified"], 10);
    EXPECT_EQ(report["connections"]["failures"], json::array()) << "a loss ends no connection";
}

TEST(DatagramClient, ALoadWhereNobodyListensEndsAtOnce) {
    const json report = load_report(nobody(), {"-c", "3", "-d", "1h", "-W", "1h"}, 3);
    EXPECT_EQ(report["messages"]["verified"], 0);
    EXPECT_EQ(report["messages"]["lost"], report["messages"]["sent"]);
    EXPECT_EQ(report["connections"]["failures"][0]["reason"], "Connection refused");
    EXPECT_EQ(report["connections"]["failures"][0]["count"], 3);
}

TEST(DatagramClient, AnInterruptedLoadOverDatagramsReports) {
    Daemon daemon(udp());
    const ScratchFolder folder;
    Process load(mynah({"load", daemon.endpoint().text(), "-c", "3", "-d", "1h", "--json", folder.path("r.json"),
                        "--html", folder.path("r.html")}));
    const auto before = daemon.process().cpu_time();
    ASSERT_TRUE(eventually([&] { return daemon.process().cpu_time() > before + std::chrono::milliseconds(50); }));
    load.send_signal(SIGINT);
    const auto ending = load.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0) << load.text(Output::standard);
    EXPECT_THAT(load.text(Output::standard), AllOf(HasSubstr("! interrupted"), HasSubstr("duplicates "),
                                                   HasSubstr("reordered "), Not(HasSubstr("timed out"))));
    EXPECT_THAT(folder.read("r.html"), HasSubstr("<td>duplicates, in all</td>"));
    EXPECT_GT(json::parse(folder.read("r.json"))["messages"]["verified"], 0);
}

}  // namespace
}  // namespace mynah::integration
