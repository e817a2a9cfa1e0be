// measurement.hpp -- what `mynah compare` takes from a report of `mynah load` or `mynah watch`.
//
// What     read_measurement reads a file of schema mynah-load/1 or mynah-watch/1; both become a Measurement.
// Threads  any; blocks on the file.
// Errors   one line, "FILE: what is wrong": it cannot be read, is no report, or lacks what a report has.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/compare/statistics.hpp"

namespace mynah::client::compare {

enum class ReportKind { load, watch };

[[nodiscard]] std::string_view to_string(ReportKind kind);

/// What went wrong so many times, and in how many that could have.
struct Loss {
    std::string name;  // "messages lost", "bytes corrupted"
    std::uint64_t count = 0;
    std::uint64_t of = 0;
    bool is_independent = false;  // messages go one by one, bytes together: only the former can be tested
};

struct Measurement {
    ReportKind kind = ReportKind::load;
    std::string address;
    std::string started;
    std::string verdict;  // a watch's
    int status = 0;
    bool is_interrupted = false;
    std::uint64_t sent = 0;          // messages, or frames
    double messages_per_second = 0;  // that came back
    double bytes_per_second = 0;
    std::optional<Sample> from_planned;  // an open loop's
    Sample from_sent;
    std::vector<Loss> losses;
    double outage_seconds = 0;  // a watch's
    std::uint64_t outages = 0;
    std::map<std::string, std::string> conditions;  // by name, as text: what should be the same in both
};

[[nodiscard]] std::expected<Measurement, std::string> read_measurement(const std::string& path);

/// The same for text already read; `path` is what mistakes are said to be in.
[[nodiscard]] std::expected<Measurement, std::string> parse_measurement(std::string_view text, const std::string& path);

}  // namespace mynah::client::compare
