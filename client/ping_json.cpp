#include "client/ping_json.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "client/command_line.hpp"
#include "client/machine.hpp"
#include "client/ping_journal.hpp"
#include "client/report_values.hpp"
#include "client/round_trips.hpp"

namespace mynah::client {
namespace {

Json parameters(const PingOptions& options) {
    return {{"address", options.address.to_string()},
            {"count", options.count ? Json(*options.count) : Json(nullptr)},
            {"interval_s", seconds(options.interval)},
            {"probe_bytes", options.probe_bytes},
            {"timeout_s", seconds(options.timeout)}};
}

Json totals(const PingTally& tally) {
    return {{"sent", tally.sent},           {"answered", tally.answered},
            {"lost", tally.lost()},         {"late", tally.late},
            {"corrupted", tally.corrupted}, {"duplicates", tally.duplicates},
            {"reordered", tally.reordered}, {"foreign", tally.foreign},
            {"under_way", tally.under_way}, {"loss_percent", tally.loss_percent()}};
}

/// The whole histogram, and what it does not tell.
Json round_trips(const PingReport& report) {
    Json times = Json::object();
    times["unit"] = "ns";
    times.update(to_json(report.journal.round_trips()));
    times["mdev"] = report.trips.deviation().count();
    times["jitter"] = report.trips.jitter().count();
    return times;
}

Json probes(const PingReport& report) {
    Json all = Json::array();
    const auto& records = report.journal.records();
    for (std::size_t i = 0; i < records.size(); ++i) {
        const ProbeRecord& record = records[i];
        Json probe{{"seq", i + 1},
                   {"sent_s", seconds(record.sent_at - report.began_at)},
                   {"fate", name_of(record.fate)},
                   {"rtt_ns", record.round_trip.count() < 0 ? Json(nullptr) : Json(record.round_trip.count())}};
        if (!record.why_lost.empty()) {
            probe["why_lost"] = record.why_lost;
        }
        if (record.duplicates > 0) {
            probe["duplicates"] = record.duplicates;
        }
        if (record.reordered) {
            probe["reordered"] = true;
        }
        all.push_back(std::move(probe));
    }
    return all;
}

}  // namespace

std::string to_json(const PingReport& report) {
    const Json document{{"schema", "mynah-ping/1"},
                        {"started", utc(report.started)},
                        {"status", static_cast<int>(report.status)},
                        {"interrupted", report.interrupted},
                        {"error", report.error.empty() ? Json(nullptr) : Json(report.error)},
                        {"parameters", parameters(report.options)},
                        {"machine", to_json(this_machine())},
                        {"elapsed_s", seconds(report.elapsed)},
                        {"totals", totals(report.tally)},
                        {"round_trips", round_trips(report)},
                        {"probes", probes(report)}};
    return dump(document);
}

}  // namespace mynah::client
