#include "client/ping_json.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping.hpp"
#include "conc/context.hpp"
#include "net/address.hpp"
#include "tests/client/datagram_peer.hpp"
#include "tests/client/peer.hpp"
#include "tests/client/test_files.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;
using nlohmann::json;

constexpr ProbeTime kStart{1000s};

/// One probe of each fate.
PingReport report_of_all_fates() {
    PingReport report;
    report.options = {.address = *net::Address::parse("udp://127.0.0.1:7"),
                      .count = 5,
                      .interval = 200ms,
                      .probe_bytes = 64,
                      .timeout = 1s};
    report.started = std::chrono::sys_days{std::chrono::year{2026} / 11 / 25} + 19h + 4min + 27s + 337ms;
    report.began_at = kStart;
    report.elapsed = 1500ms;
    report.status = ExitStatus::mismatch;
    report.interrupted = true;
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
        report.journal.due(kStart + sequence * 100ms);
        report.journal.sent(sequence, kStart + sequence * 100ms + 1ms);
    }
    report.journal.came_back({.sequence = 1, .size = 64, .round_trip = 2ms});
    report.journal.came_back({.sequence = 1, .size = 64, .round_trip = 3ms, .duplicate = true});
    report.journal.lost(2, "no answer within 1s");
    report.journal.lost(3, "no answer within 1s");
    report.journal.came_back({.sequence = 3, .size = 64, .round_trip = 1200ms, .overdue = true});
    report.journal.came_back({.sequence = 4, .size = 64, .round_trip = 4ms, .differing_bytes = 1});
    report.trips.add(2ms);
    report.trips.add(1200ms);
    report.tally = {.sent = 5, .answered = 1, .late = 1, .corrupted = 1, .duplicates = 1, .under_way = 1};
    return report;
}

TEST(PingJson, HasWhatWasAskedForAndTheTotals) {
    const json document = json::parse(to_json(report_of_all_fates()));
    EXPECT_EQ(document["schema"], "mynah-ping/1");
    EXPECT_EQ(document["started"], "2026-11-25T19:04:27.337Z");
    EXPECT_EQ(document["status"], 1);
    EXPECT_EQ(document["interrupted"], true);
    EXPECT_EQ(document["error"], nullptr);
    EXPECT_EQ(document["elapsed_s"], 1.5);
    EXPECT_EQ(document["parameters"]["address"], "udp://127.0.0.1:7");
    EXPECT_EQ(document["parameters"]["count"], 5);
    EXPECT_EQ(document["parameters"]["interval_s"], 0.2);
    EXPECT_EQ(document["parameters"]["probe_bytes"], 64);
    EXPECT_EQ(document["parameters"]["timeout_s"], 1.0);
    const json& totals = document["totals"];
    EXPECT_EQ(totals["sent"], 5);
    EXPECT_EQ(totals["answered"], 1);
    EXPECT_EQ(totals["lost"], 3) << "late and corrupted ones are lost too";
    EXPECT_EQ(totals["late"], 1);
    EXPECT_EQ(totals["corrupted"], 1);
    EXPECT_EQ(totals["duplicates"], 1);
    EXPECT_EQ(totals["reordered"], 0);
    EXPECT_EQ(totals["under_way"], 1);
    EXPECT_EQ(totals["loss_percent"], 75.0);
}

TEST(PingJson, HasTheFateOfEachProbe) {
    const json probes = json::parse(to_json(report_of_all_fates()))["probes"];
    ASSERT_EQ(probes.size(), 5U);
    const std::vector<std::string> fates{"answered", "lost", "late", "corrupted", "under_way"};
    for (std::size_t i = 0; i < fates.size(); ++i) {
        EXPECT_EQ(probes[i]["seq"], i + 1);
        EXPECT_EQ(probes[i]["fate"], fates[i]);
    }
    EXPECT_EQ(probes[0]["sent_s"], 0.101);
    EXPECT_EQ(probes[0]["rtt_ns"], 2'000'000) << "the duplicate changes nothing";
    EXPECT_EQ(probes[0]["duplicates"], 1);
    EXPECT_EQ(probes[1]["rtt_ns"], nullptr);
    EXPECT_EQ(probes[1]["why_lost"], "no answer within 1s");
    EXPECT_EQ(probes[2]["rtt_ns"], 1'200'000'000);
    EXPECT_EQ(probes[3]["rtt_ns"], 4'000'000);
    EXPECT_EQ(probes[4]["rtt_ns"], nullptr);
}

TEST(PingJson, HasRoundTripsWithPercentilesAndJitter) {
    const json times = json::parse(to_json(report_of_all_fates()))["round_trips"];
    EXPECT_EQ(times["unit"], "ns");
    EXPECT_EQ(times["count"], 2) << "what came back changed is not measured";
    EXPECT_EQ(times["min"], 2'000'000);
    EXPECT_EQ(times["mean"], 601'000'000);
    EXPECT_EQ(times["max"], 1'200'000'000);
    EXPECT_EQ(times["mdev"], 599'000'000);
    EXPECT_EQ(times["jitter"], 1'198'000'000);
    EXPECT_NEAR(times["p50"].get<double>(), 2e6, 4e3);
    EXPECT_EQ(times["p99"], 1'200'000'000);
    EXPECT_EQ(times["buckets"].size(), 2U);
}

json read_json(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return json::parse(text.str(), nullptr, false);
}

CommandUnderTest ping_to(std::string path, std::chrono::nanoseconds timeout = 30s) {
    return [path, timeout](net::Address address, Console* console) {
        const PingOptions options{
            .address = std::move(address), .count = 3, .interval = 20ms, .timeout = timeout, .json_path = path};
        return run_ping(options, console, conc::Context::background());
    };
}

/// What a file in memory is called.
std::string path_of(const MemoryFile& file) {
    return "/proc/self/fd/" + std::to_string(file.fd());
}

TEST(PingJson, IsWrittenForEveryTransport) {
    const MemoryFile file;
    EXPECT_EQ(run_against(1, echo, ping_to(path_of(file))).status, ExitStatus::verified);
    EXPECT_EQ(read_json(path_of(file))["totals"]["answered"], 3);
    const auto second_twice = [](std::size_t number, const std::string& text) {
        return std::vector<std::string>(number == 2 ? 2 : 1, text);
    };
    EXPECT_EQ(run_against_datagrams(1, answering(second_twice), ping_to(path_of(file))).status, ExitStatus::mismatch);
    const json document = read_json(path_of(file));
    EXPECT_EQ(document["status"], 1);
    EXPECT_EQ(document["totals"]["answered"], 3);
    EXPECT_EQ(document["totals"]["duplicates"], 1);
    EXPECT_EQ(document["probes"][1]["duplicates"], 1);
}

TEST(PingJson, IsWrittenAfterAnInterrupt) {
    const MemoryFile file;
    const auto scope = conc::with_cancel(conc::Context::background());
    const auto interrupt_on_the_second = [&scope](std::size_t number, const std::string& text) {
        if (number == 2) {
            scope.cancel();
        }
        return same(number, text);
    };
    const auto command = [&](net::Address address, Console* console) {
        const PingOptions options{
            .address = std::move(address), .count = {}, .interval = 20ms, .timeout = 30s, .json_path = path_of(file)};
        return run_ping(options, console, scope.ctx);
    };
    (void)run_against_datagrams(1, answering(interrupt_on_the_second), command);
    const json document = read_json(path_of(file));
    EXPECT_EQ(document["interrupted"], true);
    EXPECT_GE(document["probes"].size(), 2U);
}

TEST(PingJson, SaysWhyThereWasNoPing) {
    const MemoryFile file;
    EXPECT_EQ(run_against_nobody(1, ping_to(path_of(file))).status, ExitStatus::unreachable);
    const json document = read_json(path_of(file));
    EXPECT_EQ(document["status"], 3);
    EXPECT_THAT(document["error"].get<std::string>(), testing::HasSubstr("Connection refused"));
    EXPECT_EQ(document["totals"]["sent"], 0);
}

TEST(PingJson, AFileThatCannotBeWrittenIsSaidBeforeTheFirstProbe) {
    std::size_t probes = 0;
    const auto count = [&probes](std::size_t number, const std::string& text) {
        ++probes;
        return same(number, text);
    };
    const Outcome outcome = run_against_datagrams(1, answering(count), ping_to("/nowhere/ping.json"));
    EXPECT_EQ(outcome.status, ExitStatus::usage);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.errors, "mynah: cannot write /nowhere/ping.json: No such file or directory\n");
    EXPECT_EQ(probes, 0U);
}

TEST(PingJson, AFullDiskIsSaid) {
    const Outcome outcome = run_against_datagrams(1, answering(same), ping_to("/dev/full"));
    EXPECT_EQ(outcome.status, ExitStatus::mismatch);
    EXPECT_EQ(outcome.errors, "mynah: cannot write /dev/full: No space left on device\n");
}

}  // namespace
}  // namespace mynah::client
