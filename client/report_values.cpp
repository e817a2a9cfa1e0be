#include "client/report_values.hpp"

#include <chrono>
#include <string>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/latency_histogram.hpp"
#include "client/machine.hpp"

namespace mynah::client {

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::string utc(std::chrono::system_clock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                       rest.count());
}

Json to_json(const Machine& machine) {
    return {{"host", machine.host},
            {"system", machine.system},
            {"processor", machine.processor},
            {"processors", machine.processors},
            {"mynah", machine.version}};
}

Json to_json(const LatencyHistogram& times) {
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

std::string dump(const Json& document) {
    return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mynah::client
