#include "client/load/report.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/exit_status.hpp"
#include "client/load/fault.hpp"
#include "client/load/options.hpp"
#include "client/load/report_charts.hpp"
#include "client/load/tally.hpp"
#include "net/address.hpp"

namespace mynah::client::load {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void give(Outcomes& outcomes, Fate fate, std::uint64_t count) {
    outcomes.sent += count;
    outcomes.fates[static_cast<std::size_t>(fate)] += count;
}

/// Two seconds of 1,000 messages each, of which all came back.
Report verified_report() {
    Report report;
    report.options = {.address = *net::Address::parse("tcp://[::1]:7007"), .connections = 4, .duration = 2s};
    report.started = std::chrono::sys_days{std::chrono::year{2026} / 11 / 25} + 19h + 4min + 27s + 337ms;
    report.connected = 4;
    report.measured_time = 2s;
    report.elapsed = 2s;
    give(report.measured, Fate::verified, 2000);
    report.measured.sent_bytes = 128'000;
    report.measured.verified_bytes = 128'000;
    for (int i = 1; i <= 2000; ++i) {
        report.from_planned.add(i * 1us);
        report.from_sent.add(i * 1us);
    }
    for (int second = 0; second < 2; ++second) {
        report.intervals.push_back({.begin = second * 1s,
                                    .length = 1s,
                                    .verified = 1000,
                                    .verified_bytes = 64'000,
                                    .errors = 0,
                                    .p50 = 500us,
                                    .p99 = 990us,
                                    .max = 1ms});
    }
    return report;
}

Report open_report() {
    Report report = verified_report();
    report.options.rate = 1000;
    report.planned = 2100;
    report.generator.lag.add(10us);
    return report;
}

std::uint64_t sum_of_fates(const json& messages) {
    return messages["verified"].get<std::uint64_t>() + messages["mismatched"].get<std::uint64_t>() +
           messages["lost"].get<std::uint64_t>() + messages["timed_out"].get<std::uint64_t>() +
           messages["in_flight"].get<std::uint64_t>();
}

TEST(LoadReport, JsonHasTheNumbersAndTheyAddUp) {
    Report report = verified_report();
    give(report.measured, Fate::mismatched, 1);
    give(report.measured, Fate::lost, 20);
    give(report.measured, Fate::timed_out, 300);
    give(report.measured, Fate::in_flight, 4000);
    give(report.warm_up, Fate::verified, 7);
    const json document = json::parse(to_json(report));
    EXPECT_EQ(document["schema"], "mynah-load/1");
    EXPECT_EQ(document["started"], "2026-11-25T19:04:27.337Z");
    EXPECT_EQ(document["parameters"]["address"], "tcp://[::1]:7007");
    EXPECT_EQ(document["parameters"]["loop"], "closed");
    EXPECT_EQ(document["parameters"]["rate"], nullptr);
    EXPECT_EQ(document["parameters"]["duration_s"], 2.0);
    EXPECT_EQ(document["messages"]["sent"], 6321);
    EXPECT_EQ(sum_of_fates(document["messages"]), 6321U);
    EXPECT_EQ(sum_of_fates(document["warm_up"]["messages"]), 7U);
    EXPECT_EQ(document["bytes"]["verified"], 128'000);
    EXPECT_EQ(document["rates"]["messages_per_s"], 1000.0);
    EXPECT_EQ(document["rates"]["bytes_per_s"], 64'000.0);
    EXPECT_EQ(document["status"], 1);
}

TEST(LoadReport, JsonHasTheWholeHistogram) {
    const Report report = verified_report();
    const json latency = json::parse(to_json(report))["latency"];
    EXPECT_EQ(latency["unit"], "ns");
    EXPECT_FALSE(latency.contains("from_planned")) << "a closed loop has no plan";
    const json& times = latency["from_sent"];
    EXPECT_EQ(times["count"], 2000);
    EXPECT_EQ(times["min"], 1000);
    EXPECT_EQ(times["max"], 2'000'000);
    EXPECT_NEAR(times["p50"].get<double>(), 1e6, 1e3);
    EXPECT_NEAR(times["p99_9"].get<double>(), 1'998'000, 2e3);
    // Whoever reads it can make the same histogram of it.
    LatencyHistogram again;
    for (const json& bucket : times["buckets"]) {
        EXPECT_LE(bucket[0], bucket[1]);
        for (std::uint64_t i = 0; i < bucket[2].get<std::uint64_t>(); ++i) {
            again.add(std::chrono::nanoseconds(bucket[0].get<std::int64_t>()));
        }
    }
    EXPECT_EQ(again.count(), report.from_sent.count());
    for (const double percent : {1.0, 50.0, 99.0, 99.9}) {
        EXPECT_EQ(again.percentile(percent), report.from_sent.percentile(percent));
    }
}

TEST(LoadReport, JsonOfAnOpenLoopHasBothLatenciesAndWhatWasNotSent) {
    const json document = json::parse(to_json(open_report()));
    EXPECT_EQ(document["parameters"]["loop"], "open");
    EXPECT_EQ(document["parameters"]["rate"], 1000);
    EXPECT_EQ(document["messages"]["planned"], 2100);
    EXPECT_EQ(document["messages"]["unsent"], 100);
    EXPECT_EQ(document["latency"]["from_planned"]["count"], 2000);
    EXPECT_EQ(document["latency"]["from_sent"]["count"], 2000);
    EXPECT_EQ(document["generator"]["lag_ns"]["count"], 1);
}

TEST(LoadReport, JsonTimelineAddsUpToTheWhole) {
    const json document = json::parse(to_json(verified_report()));
    std::uint64_t verified = 0;
    double length = 0;
    for (const json& interval : document["timeline"]) {
        verified += interval["verified"].get<std::uint64_t>();
        length += interval["length_s"].get<double>();
    }
    EXPECT_EQ(verified, document["messages"]["verified"]);
    EXPECT_EQ(length, document["time"]["elapsed_s"]);
}

TEST(LoadReport, JsonSurvivesWordsThatAreNotUtf8) {
    Report report = verified_report();
    report.machine.host = "\xFF\xFE";
    report.connection_failures["\xC3"] = 1;
    EXPECT_TRUE(json::accept(to_json(report)));
}

TEST(LoadReport, StatusTellsTheGravest) {
    EXPECT_EQ(status_of(verified_report()), ExitStatus::verified);
    Report timed_out = verified_report();
    give(timed_out.measured, Fate::timed_out, 1);
    EXPECT_EQ(status_of(timed_out), ExitStatus::unreachable);
    give(timed_out.warm_up, Fate::lost, 1);
    EXPECT_EQ(status_of(timed_out), ExitStatus::mismatch) << "what is lost in the warm-up is lost";
    Report partly = verified_report();
    partly.connected = 3;
    EXPECT_EQ(status_of(partly), ExitStatus::unreachable);
    Report surplus = verified_report();
    surplus.fault_count = 1;
    EXPECT_EQ(status_of(surplus), ExitStatus::mismatch);
    Report hasty = verified_report();
    give(hasty.measured, Fate::in_flight, 1);
    EXPECT_EQ(status_of(hasty), ExitStatus::mismatch) << "nobody knows whether it came back";
    Report closed = verified_report();
    closed.connection_failures["closed by the server"] = 1;
    EXPECT_EQ(status_of(closed), ExitStatus::mismatch);
    EXPECT_EQ(status_of(open_report()), ExitStatus::verified) << "what was not sent was not lost";
}

TEST(LoadReport, RemarksSayWhatTheNumbersMayHide) {
    EXPECT_THAT(remarks_on(verified_report()), IsEmpty());
    Report report = open_report();
    report.generator.time = 2s;
    report.generator.processor.used = 1950ms;
    report.generator.lag.add(20ms);
    report.interrupted = true;
    report.faults.push_back({.kind = FaultKind::lost, .connection = 2, .offset = 64, .bytes = 1});
    report.fault_count = 22;
    report.connection_failures["closed by the server"] = 3;
    const std::vector<std::string> remarks = remarks_on(report);
    EXPECT_THAT(remarks,
                AllOf(Contains(HasSubstr("connection 2, offset 64: 1 byte lost")), Contains("21 more like these"),
                      Contains("3 of 4 connections: closed by the server"), Contains(HasSubstr("interrupted")),
                      Contains(HasSubstr("100 of 2100 planned messages were not sent")),
                      Contains(HasSubstr("the generator itself was late: by 20.000 ms at p99")),
                      Contains(HasSubstr("the generator used its whole core"))));
}

TEST(LoadReport, RemarksTellAGeneratorThatIsSlowFromOneThatIsKeptWaiting) {
    Report report = verified_report();
    report.generator.time = 1s;
    report.generator.processor = {.used = 500ms, .waited = 100ms};
    EXPECT_THAT(remarks_on(report), Contains(HasSubstr("waited 10% of the time for a core")));
    report.generator.processor.waited = 480ms;
    EXPECT_THAT(remarks_on(report), Contains(HasSubstr("never rested, and shared its core")));
    report.generator.processor = {.used = 500ms, .waited = 10ms};
    EXPECT_THAT(remarks_on(report), IsEmpty());
}

TEST(LoadReport, TextIsATable) {
    const std::string text = to_text(open_report());
    EXPECT_THAT(text, AllOf(HasSubstr("LOAD tcp://[::1]:7007: 4 connections, depth 1, 64 bytes, open loop at 1,000 "
                                      "messages/s, 2s\n"),
                            HasSubstr("\nplanned                    2,100\n"),
                            HasSubstr("\nverified                   2,000\n"),
                            HasSubstr("1000.0 messages/s, 62.5 KiB/s each way, over 2.000 s\n"),
                            HasSubstr("  from plan         1.000      1.800      1.980"), HasSubstr("  from sending "),
                            HasSubstr("\n! 100 of 2100 planned")));
    EXPECT_THAT(to_text(verified_report()), AllOf(HasSubstr("  round trip "), Not(HasSubstr("planned"))));
}

TEST(LoadReport, OfDatagramsTellsWhatTheyDidBesides) {
    Report report = verified_report();
    EXPECT_FALSE(json::parse(to_json(report)).contains("datagrams")) << "over a stream there are none";
    report.options.address = *net::Address::parse("udp://[::1]:7007");
    report.datagrams = {.duplicates = 1, .reordered = 2, .late = 3, .foreign = 4, .refused = 5, .receive_queue = 6};
    report.faults.push_back({.kind = FaultKind::changed,
                             .connection = 2,
                             .datagram = 17,
                             .offset = 20,
                             .bytes = 1,
                             .sent = 1,
                             .returned = 2});
    report.fault_count = 1;
    const json document = json::parse(to_json(report));
    EXPECT_EQ(document["schema"], "mynah-load/1");
    const json expected{{"duplicates", 1}, {"reordered", 2}, {"late", 3},
                        {"foreign", 4},    {"refused", 5},   {"receive_queue", 6}};
    EXPECT_EQ(document["datagrams"], expected);
    EXPECT_EQ(document["faults"]["first"][0]["datagram"], 17);
    EXPECT_THAT(
        to_text(report),
        AllOf(HasSubstr("\nduplicates                     1\n"), HasSubstr("\nreordered                      2\n"),
              HasSubstr("\nlate                           3\n"), HasSubstr("\nforeign                        4\n"),
              HasSubstr("\nrefused                        5\n"), Not(HasSubstr("timed out")),
              HasSubstr("\n! connection 2, datagram 17, offset 20: 1 byte changed (sent 0x01, got 0x02)\n"),
              HasSubstr("\n! 6 datagrams came back and found no room")));
    EXPECT_THAT(to_html(report), HasSubstr("<td>late, in all</td><td>3</td>"));
}

TEST(LoadReport, StatusOfDatagramsTellsWhetherAnythingCameBack) {
    Report report = verified_report();
    report.options.address = *net::Address::parse("udp://[::1]:7007");
    report.datagrams = {.reordered = 3};
    EXPECT_EQ(status_of(report), ExitStatus::verified) << "nothing is lost by another order";
    Report repeated = report;
    repeated.datagrams.duplicates = 1;
    EXPECT_EQ(status_of(repeated), ExitStatus::mismatch);
    Report foreign = report;
    foreign.datagrams.foreign = 1;
    EXPECT_EQ(status_of(foreign), ExitStatus::mismatch);
    give(report.measured, Fate::lost, 1);
    EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    Report silent;
    silent.options.address = report.options.address;
    give(silent.measured, Fate::lost, 5);
    EXPECT_EQ(status_of(silent), ExitStatus::unreachable);
}

TEST(LoadReport, PageIsWholeAndNeedsNothingElse) {
    Report report = open_report();
    report.intervals[1].errors = 3;
    const std::string page = to_html(report);
    EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
    EXPECT_TRUE(page.ends_with("</html>\n"));
    for (const char* element :
         {"html", "head", "body", "style", "svg", "figure", "figcaption", "table", "tr", "div", "h1"}) {
        const auto count = [&page](const std::string& part) {
            std::size_t found = 0;
            for (std::size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) {
                ++found;
            }
            return found;
        };
        const std::string name(element);
        EXPECT_EQ(count("<" + name + ">") + count("<" + name + " "), count("</" + name + ">")) << name;
    }
    EXPECT_THAT(page, AllOf(HasSubstr("Latency by percentile"), HasSubstr("Latency distribution"),
                            HasSubstr("Rate of verified messages"), HasSubstr("Latency from plan, second by second"),
                            HasSubstr("Errors: messages that failed"), HasSubstr("latency, ms")));
    EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("http:")), Not(HasSubstr("https:")),
                            Not(HasSubstr("src=")), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(LoadReport, PageEscapesWhatOthersSay) {
    Report report = verified_report();
    report.machine.processor = "<b>\"A&B\"</b>";
    report.connection_failures["<script>"] = 1;
    const std::string page = to_html(report);
    EXPECT_THAT(page, AllOf(HasSubstr("&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;"), HasSubstr("&lt;script&gt;"),
                            Not(HasSubstr("<script"))));
}

TEST(LoadReport, PageOfNothingHasNoDiagrams) {
    Report report;
    report.options.connections = 2;
    report.connection_failures["cannot connect: Connection refused"] = 1;
    const std::string page = to_html(report);
    EXPECT_THAT(page, AllOf(HasSubstr("Connection refused"), Not(HasSubstr("<svg")), Not(HasSubstr("nan"))));
    EXPECT_EQ(json::parse(to_json(report))["status"], 3);
}

TEST(LoadReport, ALongTimeLineIsThinnedOutWithoutLosingAnything) {
    std::vector<Interval> line;
    for (int second = 0; second < 3601; ++second) {
        line.push_back({.begin = second * 1s,
                        .length = 1s,
                        .verified = 10,
                        .verified_bytes = 640,
                        .errors = second % 100 == 0 ? 1U : 0U,
                        .p50 = 1ms,
                        .p99 = second == 1234 ? 9ms : 2ms,
                        .max = 10ms});
    }
    const std::vector<Interval> fewer = thin_out(line);
    EXPECT_LE(fewer.size(), kMostMoments);
    Interval sum;
    for (const Interval& interval : fewer) {
        EXPECT_EQ(interval.begin, sum.length) << "no gap";
        sum.length += interval.length;
        sum.verified += interval.verified;
        sum.errors += interval.errors;
        sum.p99 = std::max(sum.p99, interval.p99);
    }
    EXPECT_EQ(sum.length, 3601s);
    EXPECT_EQ(sum.verified, 36'010U);
    EXPECT_EQ(sum.errors, 37U);
    EXPECT_EQ(sum.p99, 9ms);
    EXPECT_EQ(thin_out({line.begin(), line.begin() + 5}).size(), 5U);
    EXPECT_TRUE(thin_out({}).empty());
}

TEST(LoadReport, WhereNothingWasMeasuredNothingIsVerified) {
    Report report;
    report.connected = report.options.connections;
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_THAT(remarks_on(report), Contains("nothing was measured, so that nothing is verified"));
    EXPECT_THAT(to_text(report), HasSubstr("  round trip            -          -"));
    EXPECT_THAT(to_html(report), HasSubstr("Nothing was measured"));
}

}  // namespace
}  // namespace mynah::client::load
