// report_json.cpp -- a load's report for programs: schema mynah-load/1. What is added later leaves the rest as it is.
#include <chrono>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "client/latency_histogram.hpp"
#include "client/load/fault.hpp"
#include "client/load/machine.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

Json parameters(const Options& options) {
    const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
    return {{"address", options.address.to_string()},
            {"loop", options.rate ? "open" : "closed"},
            {"connections", options.connections},
            {"depth", options.depth},
            {"message_bytes", {{"least", options.message_bytes.least}, {"most", options.message_bytes.most}}},
            {"rate", or_null(options.rate)},
            {"count", or_null(options.count)},
            {"duration_s", options.duration ? Json(seconds(*options.duration)) : Json(nullptr)},
            {"warm_up_s", seconds(options.warm_up)},
            {"timeout_s", seconds(options.timeout)},
            {"driver", net::to_string(options.driver)}};
}

Json machine(const Machine& machine) {
    return {{"host", machine.host},
            {"system", machine.system},
            {"processor", machine.processor},
            {"processors", machine.processors},
            {"mynah", machine.version}};
}

Json connections(const Report& report) {
    Json failures = Json::array();
    for (const auto& [why, count] : report.connection_failures) {
        failures.push_back({{"reason", why}, {"count", count}});
    }
    return {{"wanted", report.options.connections},
            {"connected", report.connected},
            {"connect_s", seconds(report.connect_time)},
            {"failures", std::move(failures)}};
}

Json messages(const Outcomes& outcomes) {
    return {{"sent", outcomes.sent},
            {"verified", outcomes.of(Fate::verified)},
            {"mismatched", outcomes.of(Fate::mismatched)},
            {"lost", outcomes.of(Fate::lost)},
            {"timed_out", outcomes.of(Fate::timed_out)},
            {"in_flight", outcomes.of(Fate::in_flight)}};
}

Json bytes(const Outcomes& outcomes) {
    return {{"sent", outcomes.sent_bytes}, {"verified", outcomes.verified_bytes}};
}

Json faults(const Report& report) {
    Json first = Json::array();
    for (const Fault& fault : report.faults) {
        first.push_back({{"kind", name_of(fault.kind)},
                         {"connection", fault.connection},
                         {"offset", fault.offset},
                         {"bytes", fault.bytes},
                         {"text", describe(fault)}});
    }
    return {{"count", report.fault_count}, {"first", std::move(first)}};
}

/// A bucket is the lowest and the highest time that it holds, and how many: enough to add two reports up.
Json histogram(const LatencyHistogram& times) {
    Json buckets = Json::array();
    for (const LatencyHistogram::Bucket& bucket : times.buckets()) {
        buckets.push_back({bucket.lowest.count(), bucket.highest.count(), bucket.count});
    }
    const auto at = [&times](double percent) { return times.percentile(percent).count(); };
    return {{"count", times.count()},
            {"min", times.min().count()},
            {"mean", times.mean().count()},
            {"p50", at(50)},
            {"p90", at(90)},
            {"p99", at(99)},
            {"p99_9", at(99.9)},
            {"p99_99", at(99.99)},
            {"max", times.max().count()},
            {"buckets", std::move(buckets)}};
}

Json timeline(const Report& report) {
    Json line = Json::array();
    for (const Interval& interval : report.intervals) {
        line.push_back({{"begin_s", seconds(interval.begin)},
                        {"length_s", seconds(interval.length)},
                        {"verified", interval.verified},
                        {"verified_bytes", interval.verified_bytes},
                        {"errors", interval.errors},
                        {"p50_ns", interval.p50.count()},
                        {"p99_ns", interval.p99.count()},
                        {"max_ns", interval.max.count()}});
    }
    return line;
}

}  // namespace

std::string to_json(const Report& report) {
    Json latency{{"unit", "ns"}, {"from_sent", histogram(report.from_sent)}};
    Json generator{{"driver", report.driver},
                   {"time_s", seconds(report.generator.time)},
                   {"processor_used_s", seconds(report.generator.processor.used)},
                   {"processor_waited_s", seconds(report.generator.processor.waited)}};
    Json measured = messages(report.measured);
    if (report.is_open_loop()) {
        latency["from_planned"] = histogram(report.from_planned);
        generator["lag_ns"] = histogram(report.generator.lag);
        measured["planned"] = report.planned;
        measured["unsent"] = report.unsent();
    }
    const Json document{
        {"schema", "mynah-load/1"},
        {"started", utc(report.started)},
        {"status", static_cast<int>(status_of(report))},
        {"interrupted", report.interrupted},
        {"parameters", parameters(report.options)},
        {"machine", machine(report.machine)},
        {"connections", connections(report)},
        {"messages", std::move(measured)},
        {"bytes", bytes(report.measured)},
        {"warm_up", {{"messages", messages(report.warm_up)}, {"bytes", bytes(report.warm_up)}}},
        {"time", {{"sending_s", seconds(report.measured_time)}, {"elapsed_s", seconds(report.elapsed)}}},
        {"rates", {{"messages_per_s", report.messages_per_second()}, {"bytes_per_s", report.bytes_per_second()}}},
        {"latency", std::move(latency)},
        {"timeline", timeline(report)},
        {"faults", faults(report)},
        {"generator", std::move(generator)},
        {"remarks", remarks_on(report)}};
    // A system's words need not be UTF-8.
    return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mynah::client::load
