#include "client/watch/report.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/chart.hpp"
#include "client/exit_status.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/fail_condition.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/records.hpp"
#include "client/watch/report_charts.hpp"
#include "conc/event_source.hpp"
#include "net/address.hpp"

namespace mynah::client::watch {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr conc::TimePoint kBegan{1000s};

/// Two seconds, one connection that was closed by the peer and one that took its place.
Account drained_account() {
    Account account;
    account.begin(kBegan);
    ConnectionRecord record{.connection = account.next_connection(),
                            .lane = 1,
                            .local = *net::Address::parse("tcp://127.0.0.1:40001"),
                            .peer = *net::Address::parse("tcp://127.0.0.1:7007"),
                            .opened = kBegan,
                            .closed = kBegan + 900ms,
                            .last_echo = kBegan + 800ms,
                            .ending = Ending::fin,
                            .bytes = {.sent = 1000, .echoed = 700, .unacknowledged = 300}};
    account.opened(record, false);
    account.frame_sent(256, false);
    account.echoed(3ms, 2ms);
    account.noticed(record, {.kind = IncidentKind::unacknowledged, .offset = 700, .bytes = 300, .at = kBegan + 900ms});
    account.closed(record);
    account.advance(kBegan + 1s);
    record.connection = account.next_connection();
    record.opened = kBegan + 1100ms;
    record.bytes = {.sent = 512, .echoed = 512};
    record.ending = Ending::finished;
    account.opened(record, true);
    account.frame_sent(256, true);
    account.echoed(250ms, 1ms);
    account.outage_ended(
        {.lane = 1, .before = 1, .after = 2, .ending = Ending::fin, .began = kBegan + 800ms, .ended = kBegan + 1200ms});
    account.closed(record);
    account.end(kBegan + 2s);
    return account;
}

Report report_of(const Account& account) {
    Report report;
    report.options = {.address = *net::Address::parse("tcp://127.0.0.1:7007"), .connections = 1};
    report.run = 0xABCDEF;
    report.began = kBegan;
    report.elapsed = 2s;
    report.bytes = account.bytes();
    report.sent_again = account.sent_again();
    report.frames_sent = account.frames_sent();
    report.endings = account.endings();
    report.connections = account.connections();
    report.outages = account.outages();
    report.outage_lengths = account.outage_lengths();
    report.total_outage = account.total_outage();
    report.events = account.events();
    report.losses = account.losses();
    report.seconds = account.timeline().seconds();
    report.from_planned = account.timeline().from_planned();
    report.from_sent = account.timeline().from_sent();
    return report;
}

Report drained_report() {
    return report_of(drained_account());
}

TEST(WatchReport, WhatAFinLeftUnacknowledgedDoesNotSpoilTheVerdict) {
    const Report report = drained_report();
    EXPECT_EQ(report.bytes.unacknowledged, 300U);
    EXPECT_TRUE(is_clean(report));
    EXPECT_EQ(verdict(report), "clean");
    EXPECT_EQ(status_of(report), ExitStatus::verified);
    EXPECT_THAT(remarks_on(report), IsEmpty());
}

TEST(WatchReport, EverythingElseThatIsLostOrTooMuchDoes) {
    for (std::uint64_t ByteCounts::* kind :
         {&ByteCounts::reset, &ByteCounts::silent, &ByteCounts::corrupted, &ByteCounts::duplicated,
          &ByteCounts::misdelivered, &ByteCounts::foreign}) {
        Report report = drained_report();
        report.bytes.*kind = 1;
        EXPECT_EQ(verdict(report), "loss");
        EXPECT_EQ(status_of(report), ExitStatus::mismatch);
    }
    Report report = drained_report();
    report.unrepaired = 1;
    EXPECT_EQ(verdict(report), "loss");
    EXPECT_THAT(remarks_on(report),
                ElementsAre("1 byte that were unacknowledged at a connection's end never came back"));
    report = drained_report();
    report.bytes.reordered = 1;
    EXPECT_EQ(verdict(report), "clean");
}

TEST(WatchReport, WhereNothingWasSentNothingIsVerified) {
    Account account;
    account.begin(kBegan);
    account.end(kBegan + 1s);
    Report report = report_of(account);
    report.interrupted = true;
    EXPECT_EQ(report.frames_sent, 0U);
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_THAT(remarks_on(report), Contains("nothing was sent, so that nothing is proved"));
    report.bytes.foreign = 1;
    EXPECT_EQ(status_of(report), ExitStatus::mismatch) << "what came all the same is a fact";
}

TEST(WatchReport, NoConnectionAtFirstIsUnreachable) {
    Report report = drained_report();
    report.not_connected = "cannot connect: Connection refused";
    EXPECT_EQ(status_of(report), ExitStatus::unreachable);
    EXPECT_EQ(verdict(report), "loss");
}

TEST(WatchReport, ConditionsAreMeasuredAgainstWhatTheyName) {
    Report report = drained_report();
    report.frames_missed = 7;
    for (const auto& [text, measured] : {std::pair{"outage>399ms", "400.000 ms"},
                                         {"outages=1", "1"},
                                         {"unacknowledged>0", "300"},
                                         {"sent>=1512", "1,512"},
                                         {"fins>0", "1"},
                                         {"missed>6", "7"},
                                         {"p50>=2ms", "3.000 ms"},
                                         {"max>249ms", "250.000 ms"},
                                         {"sent_again>0", "256"}}) {
        report.options.fail_on = {*FailCondition::parse(text)};
        EXPECT_THAT(failures(report), SizeIs(1)) << text;
        EXPECT_EQ(status_of(report), ExitStatus::mismatch) << text;
        EXPECT_THAT(remarks_on(report), Contains(fmt::format("failed by --fail-on {}: it was {}", text, measured)));
    }
    for (const char* text : {"outage>400ms", "outages>1", "reset>0", "refusals>0", "resets>0", "timeouts>0",
                             "unrepaired>0", "down>0", "min>3.1ms", "p99.9>1s", "mean>1s", "foreign>0"}) {
        report.options.fail_on = {*FailCondition::parse(text)};
        EXPECT_THAT(failures(report), IsEmpty()) << text;
        EXPECT_EQ(status_of(report), ExitStatus::verified) << text;
    }
}

TEST(WatchReport, TheFirstTenCasesOfLossAreNamed) {
    Account account = drained_account();
    const ConnectionRecord record{.connection = 2, .lane = 1};
    for (std::uint64_t i = 0; i < 13; ++i) {
        account.noticed(record, {.kind = IncidentKind::silent, .offset = i * 100, .bytes = 7, .at = kBegan + 1500ms});
    }
    const std::vector<std::string> remarks = remarks_on(report_of(account));
    ASSERT_THAT(remarks, SizeIs(11));
    EXPECT_EQ(remarks[3], "1.500 s  connection 2 (lane 1): silent, 7 bytes at offset 300");
    EXPECT_EQ(remarks[10], "3 more cases like these");
    EXPECT_EQ(account.lost_bytes(), 91U);
}

TEST(WatchReport, EventsAreBoundedAndThoseLeftOutCounted) {
    Account account = drained_account();
    const std::uint64_t before = account.events().count();
    for (std::uint64_t i = 0; i < 2000; ++i) {
        account.refused(1, "cannot connect: Connection refused", kBegan + 1s, true);
    }
    EXPECT_EQ(account.events().first.size(), Account::kEventsKept);
    EXPECT_EQ(account.events().left_out, before + 2000 - Account::kEventsKept);
    const json document = json::parse(to_json(report_of(account)));
    EXPECT_EQ(document["events"]["count"], before + 2000);
    EXPECT_EQ(document["events"]["left_out"], before + 2000 - Account::kEventsKept);
    EXPECT_EQ(document["connections"]["refused"][0]["count"], 2000);
}

TEST(WatchReport, JsonHasWhatALaterStepNeeds) {
    const json document = json::parse(to_json(drained_report()));
    EXPECT_EQ(document["schema"], "mynah-watch/1");
    EXPECT_EQ(document["run"], "0000000000abcdef");
    EXPECT_EQ(document["verdict"], "clean");
    EXPECT_EQ(document["bytes"]["sent"], 1512);
    EXPECT_EQ(document["bytes"]["unacknowledged"], 300);
    EXPECT_EQ(document["frames"]["echoed"], 2);
    const json& connection = document["connections"]["list"][0];
    EXPECT_EQ(connection["connection"], 1);
    EXPECT_EQ(connection["run"], "0000000000abcdef");
    EXPECT_EQ(connection["local"], "tcp://127.0.0.1:40001");
    EXPECT_EQ(connection["peer"], "tcp://127.0.0.1:7007");
    EXPECT_EQ(connection["ending"], "fin");
    EXPECT_DOUBLE_EQ(connection["closed_s"], 0.9);
    EXPECT_EQ(connection["bytes"]["echoed"], 700);
    EXPECT_EQ(document["outages"]["count"], 1);
    EXPECT_DOUBLE_EQ(document["outages"]["list"][0]["length_s"], 0.4);
    EXPECT_EQ(document["outages"]["list"][0]["after"], 2);
    EXPECT_EQ(document["latency"]["from_planned"]["max"], 250'000'000);
    ASSERT_EQ(document["timeline"].size(), 2U);
    EXPECT_EQ(document["timeline"][0]["ended"], 1);
    EXPECT_EQ(document["timeline"][0]["echoed"], 1);
    EXPECT_EQ(document["events"]["list"][0]["kind"], "unacknowledged");
    EXPECT_EQ(document["events"]["list"][0]["bytes"], 300);
}

TEST(WatchReport, TextHasTheVerdictAndATable) {
    EXPECT_THAT(
        to_text(drained_report()),
        AllOf(HasSubstr("WATCH tcp://127.0.0.1:7007: 1 connection, 10 frames/s of 256 bytes, 1m\n"),
              HasSubstr("sent                         1,512\n"), HasSubstr("  unacknowledged               300\n"),
              HasSubstr("outages         1, the longest of 400.000 ms, 400.000 ms in all\n"),
              HasSubstr("\nverdict: clean\n")));
}

TEST(WatchReport, ThePageNeedsNothingElse) {
    Account account = drained_account();
    const ConnectionRecord record{.connection = 2, .lane = 1};
    account.noticed(record, {.kind = IncidentKind::silent, .offset = 100, .bytes = 7, .at = kBegan + 1500ms});
    Report report = report_of(account);
    report.options.address = *net::Address::parse("unix:///tmp/<b>&");
    const std::string html = to_html(report);
    EXPECT_THAT(html,
                AllOf(HasSubstr("unix:///tmp/&lt;b&gt;&amp;"), HasSubstr("How long outages were"), HasSubstr("silent"),
                      HasSubstr("</html>"), Not(HasSubstr("<script")), Not(HasSubstr("http")), Not(HasSubstr("<b>&"))));
}

TEST(WatchReport, ChartsShowWhatThereWas) {
    EXPECT_THAT(timeline_charts(drained_report()), SizeIs(3)) << "rate, latency, endings: nothing was lost";
    EXPECT_THAT(outage_charts(drained_report()), SizeIs(1));
    EXPECT_EQ(drained_report().outage_lengths.max(), 400ms);
    EXPECT_THAT(timeline_charts(Report()), IsEmpty());
    EXPECT_THAT(outage_charts(Report()), IsEmpty());
    const auto charts = timeline_charts(drained_report());
    EXPECT_THAT(charts[0].tips[0].text, HasSubstr("unacknowledged, 300 bytes at offset 700"));
    EXPECT_THAT(charts[0].tips[1].text, HasSubstr("outage, 400.000 ms without an echo"));
    ASSERT_THAT(charts[0].marks, SizeIs(3)) << "unacknowledged and fin in one, connected, outage";
    EXPECT_NEAR(charts[0].marks[0].at, 0.9, 0.01);
    EXPECT_THAT(to_svg(charts[0]), HasSubstr("0.900 s  connection 1 (lane 1): fin, closed by the peer</title>"));
}

TEST(WatchReport, MarksReachTheEndHoweverManyThereAre) {
    Report report = drained_report();
    report.events = {};
    for (int i = 0; i < 2000; ++i) {
        report.events.first.push_back({.at = kBegan + i * 1ms, .kind = "fin", .text = "closed"});
    }
    const auto charts = timeline_charts(report);
    EXPECT_THAT(charts[0].marks, SizeIs(300));
    EXPECT_NEAR(charts[0].marks.back().at, 2, 0.01);
    EXPECT_THAT(charts[0].marks.front().text, HasSubstr("\nand 1 more")) << "of seven six are told";
}

}  // namespace
}  // namespace mynah::client::watch
