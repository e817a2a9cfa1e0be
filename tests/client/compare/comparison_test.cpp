#include "client/compare/comparison.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/compare/measurement.hpp"
#include "client/compare/options.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "net/address.hpp"

namespace mynah::client::compare {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::size_t kMessages = 100'000;

/// Round trips of about 100 us, as a server gives them that is left alone.
std::vector<std::chrono::nanoseconds> usual_times(std::uint64_t seed, std::size_t count = kMessages) {
    std::mt19937_64 random(seed);
    std::vector<std::chrono::nanoseconds> times(count);
    for (auto& time : times) {
        // The mean of several draws is nearly normal, and the same on every machine.
        std::uint64_t sum = 0;
        for (int i = 0; i < 8; ++i) {
            sum += random() % 50'000;
        }
        time = std::chrono::nanoseconds(75'000 + sum / 8);
    }
    return times;
}

load::Report report_of(const std::vector<std::chrono::nanoseconds>& times) {
    load::Report report;
    report.options = {.address = *net::Address::parse("tcp://127.0.0.1:7007"), .connections = 4, .duration = 2s};
    report.started = std::chrono::sys_days{std::chrono::year{2026} / 11 / 25};
    report.connected = 4;
    report.measured_time = 2s;
    report.elapsed = 2s;
    report.measured.sent = times.size();
    report.measured.fates[static_cast<std::size_t>(load::Fate::verified)] = times.size();
    report.measured.sent_bytes = times.size() * 64;
    report.measured.verified_bytes = times.size() * 64;
    for (const auto time : times) {
        report.from_planned.add(time);
        report.from_sent.add(time);
    }
    return report;
}

void lose(load::Report& report, std::uint64_t count) {
    report.measured.fates[static_cast<std::size_t>(load::Fate::lost)] += count;
    report.measured.fates[static_cast<std::size_t>(load::Fate::verified)] -= count;
}

Measurement measured(const load::Report& report) {
    auto measurement = parse_measurement(load::to_json(report), "report.json");
    EXPECT_TRUE(measurement) << measurement.error();
    return *std::move(measurement);
}

Comparison compared(const load::Report& before, const load::Report& after, double threshold = 0.10) {
    auto comparison =
        compare({.before = "a.json", .after = "b.json", .threshold = threshold}, measured(before), measured(after));
    EXPECT_TRUE(comparison) << comparison.error();
    return *std::move(comparison);
}

std::vector<std::string> names_of(const std::vector<const Row*>& rows) {
    std::vector<std::string> names;
    for (const Row* row : rows) {
        names.push_back(row->name);
    }
    return names;
}

const Row& row_named(const std::vector<Row>& rows, std::string_view name) {
    return *std::ranges::find(rows, name, &Row::name);
}

TEST(Comparison, OfAReportWithItselfFindsNothing) {
    const load::Report report = report_of(usual_times(1));
    const Comparison comparison = compared(report, report);
    EXPECT_THAT(comparison.regressions(), IsEmpty());
    EXPECT_DOUBLE_EQ(comparison.shift.probability, 0.5);
    EXPECT_THAT(comparison.warnings, IsEmpty());
    for (const Row& row : comparison.latency) {
        EXPECT_EQ(row.before, row.after) << row.name;
    }
    EXPECT_THAT(to_text(comparison), HasSubstr("no regression beyond 10%"));
}

TEST(Comparison, OfTwoRunsThatDifferByChanceFindsNoRegression) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const Comparison comparison = compared(report_of(usual_times(seed)), report_of(usual_times(seed + 100)));
        EXPECT_THAT(names_of(comparison.regressions()), IsEmpty()) << seed;
        EXPECT_EQ(size_of(comparison.shift), "negligible");
    }
}

TEST(Comparison, ShiftedLatenciesAreARegressionOfEachPercentile) {
    auto times = usual_times(2);
    for (auto& time : times) {
        time = time * 5 / 4;
    }
    const load::Report before = report_of(usual_times(1));
    const load::Report after = report_of(times);
    const Comparison worse = compared(before, after);
    EXPECT_THAT(names_of(worse.regressions()), ElementsAre("p50", "p90", "p99", "p99.9", "p99.99"));
    EXPECT_GT(worse.shift.probability, 0.9);
    EXPECT_LT(worse.shift.p_value, 1e-9);
    EXPECT_EQ(size_of(worse.shift), "large");
    EXPECT_THAT(to_text(worse), HasSubstr("REGRESSION beyond 10%: p50 (+2"));
    const Comparison better = compared(after, before);
    EXPECT_THAT(better.regressions(), IsEmpty());
    EXPECT_EQ(row_named(better.latency, "p99").judgement, Judgement::better);
    EXPECT_THAT(compared(before, after, 0.30).regressions(), IsEmpty()) << "within a threshold of 30%";
}

TEST(Comparison, AShiftThatIsSignificantButSmallerThanTheThresholdIsNone) {
    auto times = usual_times(2);
    for (auto& time : times) {
        time = time * 102 / 100;
    }
    const Comparison comparison = compared(report_of(usual_times(1)), report_of(times));
    EXPECT_LT(*row_named(comparison.latency, "p50").p_value, 1e-9);
    EXPECT_THAT(comparison.regressions(), IsEmpty());
}

TEST(Comparison, AHeavierTailAloneIsARegressionOfTheTailAlone) {
    auto times = usual_times(2);
    for (std::size_t i = 0; i < times.size(); i += 200) {
        times[i] = 5ms;
    }
    const Comparison comparison = compared(report_of(usual_times(1)), report_of(times));
    EXPECT_THAT(names_of(comparison.regressions()), ElementsAre("p99.9", "p99.99"));
    EXPECT_EQ(size_of(comparison.shift), "negligible");
}

TEST(Comparison, OneSlowMessageIsNoRegression) {
    auto times = usual_times(2);
    times[0] = 1s;
    const Comparison comparison = compared(report_of(usual_times(1)), report_of(times));
    EXPECT_THAT(comparison.regressions(), IsEmpty());
    EXPECT_EQ(row_named(comparison.latency, "max").judgement, Judgement::unjudged);
}

TEST(Comparison, ALongerPercentileThatMayBeChanceIsNoRegression) {
    auto before = usual_times(1, 1'100);
    auto after = before;
    std::fill_n(before.begin(), 10, 5ms);
    std::fill_n(after.begin(), 12, 5ms);  // two more, and the p99 is one of them
    const Comparison comparison = compared(report_of(before), report_of(after));
    const Row& p99 = row_named(comparison.latency, "p99");
    EXPECT_GT(p99.change, 10.0);
    EXPECT_GT(p99.p_value, 0.1);
    EXPECT_THAT(comparison.regressions(), IsEmpty());
}

TEST(Comparison, PercentilesThatFewMessagesAreBeyondAreNotJudged) {
    auto times = usual_times(2, 1'000);
    for (std::size_t i = 0; i < 20; ++i) {
        times[i] = 5ms;
    }
    const Comparison comparison = compared(report_of(usual_times(1, 1'000)), report_of(times));
    EXPECT_THAT(names_of(comparison.regressions()), ElementsAre("p99"));
    EXPECT_EQ(row_named(comparison.latency, "p99.9").judgement, Judgement::too_few);
}

TEST(Comparison, LossWhereThereWasNoneIsARegressionHoweverSmall) {
    const load::Report before = report_of(usual_times(1));
    load::Report after = before;
    lose(after, 1);
    EXPECT_THAT(names_of(compared(before, after).regressions()), ElementsAre("messages lost"));
    EXPECT_THAT(compared(after, before).regressions(), IsEmpty());
}

TEST(Comparison, MoreLossIsARegressionWhereItIsNoChance) {
    load::Report before = report_of(usual_times(1));
    load::Report after = before;
    lose(before, 20);
    lose(after, 25);
    EXPECT_THAT(compared(before, after).regressions(), IsEmpty()) << "20 and 25 of 100,000 may be chance";
    lose(after, 75);
    EXPECT_THAT(names_of(compared(before, after).regressions()), ElementsAre("messages lost"));
}

TEST(Comparison, FailedConnectionsAreLosses) {
    const load::Report before = report_of(usual_times(1));
    load::Report after = before;
    after.connected = 3;
    EXPECT_THAT(names_of(compared(before, after).regressions()), ElementsAre("connections failed"));
}

TEST(Comparison, LessThroughputIsARegressionBeyondTheThreshold) {
    const load::Report before = report_of(usual_times(1));
    load::Report after = before;
    after.elapsed = 2100ms;
    EXPECT_THAT(compared(before, after).regressions(), IsEmpty());
    after.elapsed = 2300ms;
    EXPECT_THAT(names_of(compared(before, after).regressions()), ElementsAre("messages", "bytes"));
}

TEST(Comparison, OpenLoopsAreComparedFromPlanAndMixedOnesFromSending) {
    load::Report open = report_of(usual_times(1));
    open.options.rate = 50'000;
    EXPECT_EQ(compared(open, open).latency_from, "from plan");
    const Comparison mixed = compared(open, report_of(usual_times(1)));
    EXPECT_EQ(mixed.latency_from, "from sending");
    EXPECT_THAT(mixed.warnings, ElementsAre("loop differs: \"open\" before, \"closed\" after",
                                            "rate differs: 50000 before, null after"));
}

TEST(Comparison, WarnsOfWhatWasNotTheSame) {
    const load::Report before = report_of(usual_times(1));
    load::Report after = before;
    after.options.connections = 64;
    after.options.message_bytes = {.least = 1, .most = 1'400};
    after.options.address = *net::Address::parse("tcp://127.0.0.1:7008");
    after.machine.host = "elsewhere";
    after.interrupted = true;
    const Comparison comparison = compared(before, after);
    EXPECT_THAT(
        comparison.warnings,
        ElementsAre("connections differs: 4 before, 64 after", "host differs: \"\" before, \"elsewhere\" after",
                    HasSubstr("message_bytes differs: {\"least\":64,"), "b.json was interrupted before its end"));
    EXPECT_THAT(to_text(comparison), HasSubstr("\n! connections differs: 4 before, 64 after\n"));
}

TEST(Comparison, RefusesReportsThatAreTooShortToTell) {
    const auto refused = compare({.before = "a.json", .after = "b.json"}, measured(report_of(usual_times(1))),
                                 measured(report_of(usual_times(1, 99))));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), "b.json is too short to tell: 99 sent, at least 100 are needed");
}

json watch_report() {
    json histogram{{"count", 1'000}, {"min", 100}, {"mean", 100}, {"max", 100}, {"buckets", {{100, 100, 1'000}}}};
    return {{"schema", "mynah-watch/1"},
            {"started", "2026-11-25T19:04:27.337Z"},
            {"elapsed_s", 10.0},
            {"status", 0},
            {"verdict", "every byte came back"},
            {"parameters", {{"address", "tcp://127.0.0.1:7007"}, {"connections", 4}}},
            {"machine", {{"host", "here"}, {"processor", "p"}, {"processors", 2}}},
            {"frames", {{"sent", 1'000}, {"echoed", 1'000}, {"missed", 0}}},
            {"bytes",
             {{"sent", 64'000},
              {"echoed", 64'000},
              {"unacknowledged", 0},
              {"reset", 0},
              {"silent", 0},
              {"corrupted", 0},
              {"duplicated", 0},
              {"misdelivered", 0},
              {"reordered", 0},
              {"foreign", 0}}},
            {"unrepaired", 0},
            {"outages", {{"count", 1}, {"longest_s", 0.5}, {"total_s", 0.5}}},
            {"latency", {{"from_planned", histogram}, {"from_sent", histogram}}}};
}

Measurement measured(const json& report) {
    auto measurement = parse_measurement(report.dump(), "watch.json");
    EXPECT_TRUE(measurement) << measurement.error();
    return *std::move(measurement);
}

TEST(Comparison, OfWatchesJudgesBytesAndOutages) {
    const json before = watch_report();
    json after = before;
    after["bytes"]["echoed"] = 63'900;
    after["bytes"]["reset"] = 100;
    after["bytes"]["foreign"] = 7;
    after["unrepaired"] = 64;
    after["outages"] = {{"count", 1}, {"longest_s", 0.9}, {"total_s", 0.9}};
    after["verdict"] = "bytes were lost";
    const Options options{.before = "a.json", .after = "b.json"};
    const auto comparison = compare(options, measured(before), measured(after));
    ASSERT_TRUE(comparison) << comparison.error();
    EXPECT_THAT(names_of(comparison->regressions()),
                ElementsAre("bytes reset", "bytes foreign", "bytes unrepaired", "time of outages"));
    EXPECT_THAT(to_text(*comparison), HasSubstr("verdict bytes were lost"));
    const auto same = compare(options, measured(before), measured(before));
    ASSERT_TRUE(same);
    EXPECT_THAT(same->regressions(), IsEmpty());
}

TEST(Comparison, RefusesReportsOfDifferentKinds) {
    const auto refused =
        compare({.before = "a.json", .after = "b.json"}, measured(report_of(usual_times(1))), measured(watch_report()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(),
              "a.json is a report of mynah load, and b.json one of mynah watch: they cannot be compared");
}

TEST(Comparison, JsonHasEveryRowAndTheRegressions) {
    const load::Report before = report_of(usual_times(1));
    load::Report after = before;
    lose(after, 7);
    const json document = json::parse(to_json(compared(before, after)));
    EXPECT_EQ(document["schema"], "mynah-compare/1");
    EXPECT_EQ(document["kind"], "load");
    EXPECT_EQ(document["regressions"], json::array({"messages lost"}));
    EXPECT_EQ(document["threshold"], 0.10);
    EXPECT_EQ(document["latency"].size(), 6U);
    EXPECT_EQ(document["losses"][1]["name"], "messages lost");
    EXPECT_EQ(document["losses"][1]["after"], 7);
    EXPECT_EQ(document["losses"][1]["change"], nullptr);
    EXPECT_EQ(document["losses"][1]["judgement"], "worse");
    EXPECT_EQ(document["shift"]["probability"], 0.5);
}

TEST(Measurement, SaysWhatIsWrongWithAFile) {
    const auto expect = [](const json& report, const char* said) {
        const auto read = parse_measurement(report.dump(), "x.json");
        ASSERT_FALSE(read) << said;
        EXPECT_THAT(read.error(), HasSubstr(said));
        EXPECT_THAT(read.error(), Not(HasSubstr("\n")));
    };
    EXPECT_EQ(parse_measurement("{", "x.json").error(), "x.json: no report: it is not JSON");
    EXPECT_EQ(parse_measurement("", "x.json").error(), "x.json: no report: it is not JSON");
    expect(json::array(), "x.json: no report: its schema is neither mynah-load/1 nor mynah-watch/1");
    expect({{"schema", "mynah-load/2"}}, "neither mynah-load/1");
    const json good = json::parse(load::to_json(report_of(usual_times(1, 1'000))));
    json bad = good;
    bad["messages"].erase("lost");
    expect(bad, "x.json: no sound report: /messages/lost is missing");
    bad = good;
    bad["messages"]["sent"] = -1;
    expect(bad, "/messages/sent is no whole number");
    bad = good;
    bad["rates"]["messages_per_s"] = "many";
    expect(bad, "/rates/messages_per_s is no number");
    bad = good;
    bad["parameters"]["address"] = 7;
    expect(bad, "/parameters/address is no text");
    bad = good;
    bad["latency"]["from_sent"]["buckets"] = 5;
    expect(bad, "/latency/from_sent/buckets is no array");
    bad = good;
    bad["latency"]["from_sent"]["buckets"][0] = {1, 2};
    expect(bad, "is no list of [lowest, highest, count]");
    bad = good;
    bad["latency"]["from_sent"]["buckets"][0][2] = 99'999;
    expect(bad, "is damaged");
    bad = good;
    std::swap(bad["latency"]["from_sent"]["buckets"][0], bad["latency"]["from_sent"]["buckets"][1]);
    expect(bad, "not in ascending order");
    bad = good;
    bad["latency"] = 3;
    expect(bad, "/latency/from_sent/max is missing");
}

TEST(Measurement, SaysThatAFileCannotBeRead) {
    EXPECT_EQ(read_measurement("/nonexistent/x.json").error(),
              "cannot read /nonexistent/x.json: No such file or directory");
    EXPECT_EQ(read_measurement("/").error(), "cannot read /: Is a directory");
}

}  // namespace
}  // namespace mynah::client::compare
