// report_json.cpp -- a load's report for programs: schema mynah-load/1. What is added later leaves the rest as it is.
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "client/load/fault.hpp"
#include "client/load/options.hpp"
#include "client/load/report.hpp"
#include "client/load/tally.hpp"
#include "client/report_values.hpp"
#include "net/driver.hpp"

namespace mynah::client::load {
namespace {

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

Json datagrams(const DatagramCounts& counts) {
    Json all = Json::object();
    for (const auto& [name, count] : rows_of(counts)) {
        all[std::string(name)] = count;
    }
    all["receive_queue"] = counts.receive_queue;
    return all;
}

Json faults(const Report& report) {
    Json first = Json::array();
    for (const Fault& fault : report.faults) {
        Json one{{"kind", name_of(fault.kind)},
                 {"connection", fault.connection},
                 {"offset", fault.offset},
                 {"bytes", fault.bytes},
                 {"text", describe(fault)}};
        if (fault.datagram > 0) {
            one["datagram"] = fault.datagram;
        }
        first.push_back(std::move(one));
    }
    return {{"count", report.fault_count}, {"first", std::move(first)}};
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
    Json latency{{"unit", "ns"}, {"from_sent", client::to_json(report.from_sent)}};
    Json generator{{"driver", report.driver},
                   {"time_s", seconds(report.generator.time)},
                   {"processor_used_s", seconds(report.generator.processor.used)},
                   {"processor_waited_s", seconds(report.generator.processor.waited)}};
    Json measured = messages(report.measured);
    if (report.is_open_loop()) {
        latency["from_planned"] = client::to_json(report.from_planned);
        generator["lag_ns"] = client::to_json(report.generator.lag);
        measured["planned"] = report.planned;
        measured["unsent"] = report.unsent();
    }
    Json document{
        {"schema", "mynah-load/1"},
        {"started", utc(report.started)},
        {"status", static_cast<int>(status_of(report))},
        {"interrupted", report.interrupted},
        {"parameters", parameters(report.options)},
        {"machine", client::to_json(report.machine)},
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
    if (report.is_of_datagrams()) {
        document["datagrams"] = datagrams(report.datagrams);
    }
    return dump(document);
}

}  // namespace mynah::client::load
