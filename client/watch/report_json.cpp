// report_json.cpp -- a watch's report for programs: schema mynah-watch/1. What is added later leaves the rest as it is.
#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/report_values.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/fail_condition.hpp"
#include "client/watch/options.hpp"
#include "client/watch/reconciliation_report.hpp"
#include "client/watch/records.hpp"
#include "client/watch/report.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {
namespace {

/// Since the beginning of the watch.
double moment(const Report& report, conc::TimePoint time) {
    return seconds(time - report.began);
}

// As text: a JSON number of 64 bits is rounded by many readers.
std::string run_id(const Report& report) {
    return fmt::format("{:016x}", report.run);
}

Json parameters(const Options& options) {
    Json fail_on = Json::array();
    for (const FailCondition& condition : options.fail_on) {
        fail_on.push_back(condition.text);
    }
    Json ledgers = Json::array();
    for (const std::string& path : options.ledger_paths) {
        ledgers.push_back("sqlite:" + path);
    }
    return {{"address", options.address.to_string()},  {"connections", options.connections},
            {"rate", options.frames_per_second()},     {"frame_bytes", options.frame_bytes},
            {"duration_s", seconds(options.duration)}, {"timeout_s", seconds(options.timeout)},
            {"fail_on", std::move(fail_on)},           {"ledgers", std::move(ledgers)}};
}

Json bytes(const ByteCounts& counts) {
    return {{"sent", counts.sent},
            {"echoed", counts.echoed},
            {"unacknowledged", counts.unacknowledged},
            {"reset", counts.reset},
            {"silent", counts.silent},
            {"corrupted", counts.corrupted},
            {"duplicated", counts.duplicated},
            {"misdelivered", counts.misdelivered},
            {"reordered", counts.reordered},
            {"foreign", counts.foreign}};
}

Json connection(const Report& report, const ConnectionRecord& record) {
    Json one{{"connection", record.connection},
             {"lane", record.lane},
             {"run", run_id(report)},
             {"local", record.local.to_string()},
             {"peer", record.peer.to_string()},
             {"opened_s", moment(report, record.opened)},
             {"closed_s", moment(report, record.closed)},
             {"last_echo_s", moment(report, record.last_echo)},
             {"opened", utc(report.started + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                                 record.opened - report.began))},
             {"ending", name_of(record.ending)},
             {"frames_sent", record.frames_sent},
             {"frames_echoed", record.frames_echoed},
             {"sent_again", record.sent_again},
             {"received", record.received},
             {"bytes", bytes(record.bytes)}};
    if (!record.error.empty()) {
        one["error"] = record.error;
    }
    return one;
}

Json connections(const Report& report) {
    const Account::Endings& endings = report.endings;
    Json why = Json::array();
    for (const auto& [reason, count] : endings.refused_why) {
        why.push_back({{"reason", reason}, {"count", count}});
    }
    Json list = Json::array();
    for (const ConnectionRecord& record : report.connections.first) {
        list.push_back(connection(report, record));
    }
    return {{"opened", endings.opened},     {"finished", endings.finished},
            {"fins", endings.fins},         {"resets", endings.resets},
            {"timeouts", endings.timeouts}, {"abandoned", endings.abandoned},
            {"refusals", endings.refusals}, {"refused", std::move(why)},
            {"down", report.down},          {"left_out", report.connections.left_out},
            {"list", std::move(list)}};
}

Json outages(const Report& report) {
    Json list = Json::array();
    for (const Outage& outage : report.outages.first) {
        list.push_back({{"lane", outage.lane},
                        {"before", outage.before == 0 ? Json(nullptr) : Json(outage.before)},
                        {"after", outage.after == 0 ? Json(nullptr) : Json(outage.after)},
                        {"cause", outage.before == 0 ? Json(nullptr) : Json(name_of(outage.ending))},
                        {"began_s", moment(report, outage.began)},
                        {"ended_s", moment(report, outage.ended)},
                        {"length_s", seconds(outage.length())}});
    }
    return {{"count", report.outages.count()},         {"longest_s", seconds(report.outage_lengths.max())},
            {"total_s", seconds(report.total_outage)}, {"lengths", to_json(report.outage_lengths)},
            {"left_out", report.outages.left_out},     {"list", std::move(list)}};
}

Json events(const Report& report, const Bounded<Event>& all) {
    Json list = Json::array();
    for (const Event& event : all.first) {
        Json one{{"at_s", moment(report, event.at)}, {"kind", event.kind}, {"lane", event.lane}};
        if (event.connection > 0) {
            one["connection"] = event.connection;
        }
        if (event.bytes > 0) {
            one["offset"] = event.offset;
            one["bytes"] = event.bytes;
        }
        one["text"] = event.text;
        list.push_back(std::move(one));
    }
    return {{"count", all.count()}, {"left_out", all.left_out}, {"list", std::move(list)}};
}

Json timeline(const Report& report) {
    Json line = Json::array();
    for (const Second& second : report.seconds) {
        line.push_back({{"begin_s", seconds(second.begin)},
                        {"length_s", seconds(second.length)},
                        {"sent", second.sent},
                        {"echoed", second.echoed},
                        {"lost_bytes", second.lost_bytes},
                        {"ended", second.ended},
                        {"refused", second.refused},
                        {"open", second.open},
                        {"p50_ns", second.p50.count()},
                        {"p99_ns", second.p99.count()},
                        {"max_ns", second.max.count()}});
    }
    return line;
}

}  // namespace

std::string to_json(const Report& report) {
    Json held = Json::array();
    for (const FailCondition& condition : failures(report)) {
        held.push_back(condition.text);
    }
    Json document{
        {"schema", "mynah-watch/1"},
        {"run", run_id(report)},
        {"started", utc(report.started)},
        {"elapsed_s", seconds(report.elapsed)},
        {"status", static_cast<int>(status_of(report))},
        {"verdict", verdict(report)},
        {"failed_on", std::move(held)},
        {"interrupted", report.interrupted},
        {"parameters", parameters(report.options)},
        {"machine", client::to_json(report.machine)},
        {"bytes", bytes(report.bytes)},
        {"sent_again", report.sent_again},
        {"unrepaired", report.unrepaired},
        {"late", report.late},
        {"frames",
         {{"sent", report.frames_sent}, {"echoed", report.from_sent.count()}, {"missed", report.frames_missed}}},
        {"connections", connections(report)},
        {"outages", outages(report)},
        {"losses", events(report, report.losses)},
        {"events", events(report, report.events)},
        {"latency",
         {{"unit", "ns"},
          {"from_planned", client::to_json(report.from_planned)},
          {"from_sent", client::to_json(report.from_sent)}}},
        {"timeline", timeline(report)},
        {"remarks", remarks_on(report)}};
    if (report.reconciliation) {
        document["ledger"] = ledger_json(*report.reconciliation);
    }
    return dump(document);
}

}  // namespace mynah::client::watch
