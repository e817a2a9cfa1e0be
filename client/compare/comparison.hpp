// comparison.hpp -- two reports held against each other: what differs, whether by chance, and what is a regression.
//
// What     compare() makes a Row of each figure and judges it. Latency: a percentile is worse where it is longer by
//          more than the threshold and chance is ruled out: significantly more messages are above what it was.
//          Throughput: lower by more than the threshold. Losses: there are some where there were none, or their share
//          has grown by more than the threshold, significantly where they can be counted one by one.
// Threads  any: a pure function.
// Errors   one line: the reports are of different kinds, or too short to tell.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/compare/measurement.hpp"
#include "client/compare/options.hpp"
#include "client/compare/statistics.hpp"

namespace mynah::client::compare {

inline constexpr double kSignificance = 0.01;           // what is less probable is no chance
inline constexpr std::uint64_t kLeastSent = 100;        // fewer messages tell nothing
inline constexpr double kLeastBeyondPercentile = 10.0;  // fewer messages above a percentile say nothing of it

enum class Judgement {
    same,      // within the threshold, or possibly by chance
    better,    // by more than the threshold, and not by chance
    worse,     // likewise: a regression
    too_few,   // there are not enough messages to tell
    unjudged,  // shown for information
};

[[nodiscard]] std::string_view to_string(Judgement judgement);

struct Row {
    std::string name = {};  // "p99", "messages lost"
    std::string unit = {};  // "ns", "1/s", "bytes/s", "s", ""
    double before = 0;
    double after = 0;
    std::optional<double> change = {};   // relative: 0.1 is 10% more; nullopt: from zero
    std::optional<double> p_value = {};  // nullopt: not tested
    Judgement judgement = Judgement::unjudged;
};

struct Comparison {
    Options options;
    Measurement before;
    Measurement after;
    std::string latency_from;  // "from plan" or "from sending"
    Shift shift;               // of all latencies
    std::vector<Row> throughput;
    std::vector<Row> latency;
    std::vector<Row> losses;
    std::vector<std::string> warnings;  // what makes the two hard to compare

    /// The rows that are regressions, of all three.
    std::vector<const Row*> regressions() const;
};

[[nodiscard]] std::expected<Comparison, std::string> compare(Options options, Measurement before, Measurement after);

/// "negligible", "small", "medium" or "large" (Vargha and Delaney).
[[nodiscard]] std::string_view size_of(const Shift& shift);

[[nodiscard]] std::string to_text(const Comparison& comparison);
/// Schema mynah-compare/1.
[[nodiscard]] std::string to_json(const Comparison& comparison);

}  // namespace mynah::client::compare
