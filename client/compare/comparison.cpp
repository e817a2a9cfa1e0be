#include "client/compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/compare/measurement.hpp"
#include "client/compare/options.hpp"
#include "client/compare/statistics.hpp"

namespace mynah::client::compare {
namespace {

std::optional<double> change_of(double before, double after) {
    if (before == 0) {
        return after == 0 ? std::optional(0.0) : std::nullopt;
    }
    return after / before - 1;
}

/// Whether it has grown, or has shrunk, by more than the threshold; same where neither.
Judgement judge_growth(const std::optional<double>& change, double threshold) {
    if (!change || *change > threshold) {
        return Judgement::worse;
    }
    return *change < -threshold ? Judgement::better : Judgement::same;
}

Row throughput_row(std::string name, std::string unit, double before, double after, double threshold) {
    Row row{.name = std::move(name),
            .unit = std::move(unit),
            .before = before,
            .after = after,
            .change = change_of(before, after)};
    if (row.change && std::abs(*row.change) > threshold) {
        row.judgement = *row.change < 0 ? Judgement::worse : Judgement::better;
    } else {
        row.judgement = row.change ? Judgement::same : Judgement::better;
    }
    return row;
}

Row percentile_row(std::string name, double percent, const Sample& before, const Sample& after, double threshold) {
    const std::int64_t limit = before.percentile(percent);
    Row row{.name = std::move(name),
            .unit = "ns",
            .before = static_cast<double>(limit),
            .after = static_cast<double>(after.percentile(percent)),
            .change = std::nullopt,
            .p_value = std::nullopt};
    row.change = change_of(row.before, row.after);
    const std::uint64_t fewest = std::min(before.count(), after.count());
    if (static_cast<double>(fewest) * (1 - percent / 100) < kLeastBeyondPercentile) {
        row.judgement = Judgement::too_few;
        return row;
    }
    row.p_value = two_proportions(before.above(limit), before.count(), after.above(limit), after.count());
    row.judgement = *row.p_value < kSignificance ? judge_growth(row.change, threshold) : Judgement::same;
    return row;
}

std::vector<Row> latency_rows(const Sample& before, const Sample& after, double threshold) {
    std::vector<Row> rows;
    rows.push_back(percentile_row("p50", 50, before, after, threshold));
    rows.push_back(percentile_row("p90", 90, before, after, threshold));
    rows.push_back(percentile_row("p99", 99, before, after, threshold));
    rows.push_back(percentile_row("p99.9", 99.9, before, after, threshold));
    rows.push_back(percentile_row("p99.99", 99.99, before, after, threshold));
    // One message decides it, so it says nothing of the others.
    Row max{.name = "max",
            .unit = "ns",
            .before = static_cast<double>(before.largest),
            .after = static_cast<double>(after.largest),
            .change = change_of(static_cast<double>(before.largest), static_cast<double>(after.largest))};
    rows.push_back(std::move(max));
    return rows;
}

Row loss_row(const Loss& before, const Loss& after, double threshold) {
    const auto share = [](const Loss& loss) {
        return loss.of == 0 ? 0.0 : static_cast<double>(loss.count) / static_cast<double>(loss.of);
    };
    Row row{.name = before.name,
            .before = static_cast<double>(before.count),
            .after = static_cast<double>(after.count),
            .change = change_of(share(before), share(after))};
    if (before.is_independent && before.count + after.count > 0) {
        row.p_value = two_proportions(before.count, before.of, after.count, after.of);
    }
    row.judgement = judge_growth(row.change, threshold);
    // What has never been lost is lost now: that needs no test.
    const bool may_be_chance = row.p_value && *row.p_value >= kSignificance;
    if (before.count > 0 && may_be_chance) {
        row.judgement = Judgement::same;
    }
    return row;
}

/// For a watch: outages, which are few and each an event.
Row outage_row(std::string name, std::string unit, double before, double after, double threshold) {
    Row row{.name = std::move(name),
            .unit = std::move(unit),
            .before = before,
            .after = after,
            .change = change_of(before, after)};
    row.judgement = judge_growth(row.change, threshold);
    return row;
}

std::vector<Row> loss_rows(const Measurement& before, const Measurement& after, double threshold) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < before.losses.size(); ++i) {
        rows.push_back(loss_row(before.losses[i], after.losses[i], threshold));
    }
    if (before.kind == ReportKind::watch) {
        rows.push_back(outage_row("outages", "", static_cast<double>(before.outages),
                                  static_cast<double>(after.outages), threshold));
        rows.push_back(outage_row("time of outages", "s", before.outage_seconds, after.outage_seconds, threshold));
    }
    return rows;
}

std::vector<std::string> warnings_of(const Options& options, const Measurement& before, const Measurement& after) {
    std::vector<std::string> warnings;
    auto names = before.conditions;
    names.insert(after.conditions.begin(), after.conditions.end());
    for (const auto& [name, ignored] : names) {
        const auto value = [&name](const Measurement& measured) {
            const auto found = measured.conditions.find(name);
            return found == measured.conditions.end() ? std::string("not there") : printable(found->second);
        };
        if (value(before) != value(after)) {
            warnings.push_back(
                fmt::format("{} differs: {} before, {} after", printable(name), value(before), value(after)));
        }
    }
    for (const auto& [path, measured] : {std::pair(&options.before, &before), std::pair(&options.after, &after)}) {
        if (measured->is_interrupted) {
            warnings.push_back(fmt::format("{} was interrupted before its end", printable(*path)));
        }
    }
    return warnings;
}

std::optional<std::string> objection(const Options& options, const Measurement& before, const Measurement& after) {
    if (before.kind != after.kind) {
        return fmt::format("{} is a report of mynah {}, and {} one of mynah {}: they cannot be compared",
                           printable(options.before), to_string(before.kind), printable(options.after),
                           to_string(after.kind));
    }
    for (const auto& [path, measured] : {std::pair(&options.before, &before), std::pair(&options.after, &after)}) {
        if (measured->sent < kLeastSent) {
            return fmt::format("{} is too short to tell: {} sent, at least {} are needed", printable(*path),
                               measured->sent, kLeastSent);
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Judgement judgement) {
    switch (judgement) {
        case Judgement::same:
            return "same";
        case Judgement::better:
            return "better";
        case Judgement::worse:
            return "worse";
        case Judgement::too_few:
            return "too few";
        case Judgement::unjudged:
            return "unjudged";
    }
    return "unknown";
}

std::string_view size_of(const Shift& shift) {
    const double distance = std::abs(shift.probability - 0.5);
    if (distance < 0.06) {
        return "negligible";
    }
    return distance < 0.14 ? "small" : distance < 0.21 ? "medium" : "large";
}

std::vector<const Row*> Comparison::regressions() const {
    std::vector<const Row*> found;
    for (const std::vector<Row>* rows : {&throughput, &latency, &losses}) {
        for (const Row& row : *rows) {
            if (row.judgement == Judgement::worse) {
                found.push_back(&row);
            }
        }
    }
    return found;
}

std::expected<Comparison, std::string> compare(Options options, Measurement before, Measurement after) {
    if (auto problem = objection(options, before, after)) {
        return std::unexpected(*std::move(problem));
    }
    Comparison comparison;
    const double threshold = options.threshold;
    const bool from_plan = before.from_planned && after.from_planned;
    const Sample& first = from_plan ? *before.from_planned : before.from_sent;
    const Sample& second = from_plan ? *after.from_planned : after.from_sent;
    comparison.latency_from = from_plan ? "from plan" : "from sending";
    comparison.shift = mann_whitney(first, second);
    comparison.throughput = {
        throughput_row("messages", "1/s", before.messages_per_second, after.messages_per_second, threshold),
        throughput_row("bytes", "bytes/s", before.bytes_per_second, after.bytes_per_second, threshold)};
    comparison.latency = latency_rows(first, second, threshold);
    comparison.losses = loss_rows(before, after, threshold);
    comparison.warnings = warnings_of(options, before, after);
    comparison.options = std::move(options);
    comparison.before = std::move(before);
    comparison.after = std::move(after);
    return comparison;
}

}  // namespace mynah::client::compare
