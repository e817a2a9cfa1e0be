// report_values.hpp -- what the JSON reports of mynah's commands have in common.
#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "client/latency_histogram.hpp"
#include "client/machine.hpp"

namespace mynah::client {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds time);

/// "2026-11-25T19:04:27.337Z"
std::string utc(std::chrono::system_clock::time_point time);

Json to_json(const Machine& machine);

/// Nanoseconds. A bucket is the lowest and the highest time that it holds, and how many: enough to add two reports up.
Json to_json(const LatencyHistogram& times);

/// The text of a document; a system's words need not be UTF-8.
std::string dump(const Json& document);

}  // namespace mynah::client
