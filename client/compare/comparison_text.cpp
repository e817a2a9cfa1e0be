// comparison_text.cpp -- a comparison for the terminal.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/compare/comparison.hpp"
#include "client/compare/measurement.hpp"
#include "client/compare/statistics.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"

namespace mynah::client::compare {
namespace {

std::string value_of(double value, std::string_view unit) {
    if (unit == "ns") {
        return format_milliseconds(std::chrono::nanoseconds(static_cast<std::int64_t>(value)));
    }
    if (unit == "bytes/s") {
        return short_size(value);
    }
    if (unit == "1/s") {
        return fmt::format("{:.1f}", value);
    }
    return unit == "s" ? fmt::format("{:.3f}", value) : grouped(static_cast<std::uint64_t>(value));
}

std::string change_of(const Row& row) {
    if (!row.change) {
        return "from 0";
    }
    return *row.change == 0 ? "0%" : fmt::format("{:+.1f}%", *row.change * 100);
}

std::string p_of(const std::optional<double>& p_value) {
    if (!p_value) {
        return "";
    }
    return *p_value < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", *p_value);
}

std::string line_of(const Row& row) {
    const bool is_plain = row.judgement == Judgement::same || row.judgement == Judgement::unjudged;
    std::string line = fmt::format("  {:<20} {:>14} {:>14} {:>10} {:>9}  {}", row.name, value_of(row.before, row.unit),
                                   value_of(row.after, row.unit), change_of(row), p_of(row.p_value),
                                   is_plain ? "" : to_string(row.judgement));
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string table(std::string_view title, const std::vector<Row>& rows) {
    std::string text = fmt::format("{}\n", title);
    for (const Row& row : rows) {
        text += line_of(row);
    }
    return text;
}

std::string verdict(const Comparison& comparison) {
    const std::vector<const Row*> regressions = comparison.regressions();
    const double percent = comparison.options.threshold * 100;
    if (regressions.empty()) {
        return fmt::format("no regression beyond {:g}%\n", percent);
    }
    std::string names;
    for (const Row* row : regressions) {
        names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", row->name, change_of(*row));
    }
    return fmt::format("REGRESSION beyond {:g}%: {}\n", percent, names);
}

}  // namespace

std::string to_text(const Comparison& comparison) {
    std::string text = fmt::format("COMPARE mynah {}\n", to_string(comparison.before.kind));
    const auto describe = [](std::string_view role, const std::string& path, const Measurement& measured) {
        return fmt::format("{:<7}{}: {}, {}{}{}\n", role, printable(path), printable(measured.address),
                           printable(measured.started), measured.verdict.empty() ? "" : ", verdict ",
                           printable(measured.verdict));
    };
    text += describe("before", comparison.options.before, comparison.before);
    text += describe("after", comparison.options.after, comparison.after);
    text += fmt::format("\n  {:<20} {:>14} {:>14} {:>10} {:>9}\n", "", "before", "after", "change", "p");
    text += table("throughput, a second", comparison.throughput);
    text += table(fmt::format("latency {}, ms", comparison.latency_from), comparison.latency);
    text += table("losses", comparison.losses);
    const Shift& shift = comparison.shift;
    text +=
        fmt::format("\nlatency was longer after than before in {:.1f}% of all pairs (p {}{}): a {} difference\n",
                    shift.probability * 100, shift.p_value < 0.0001 ? "" : "= ", p_of(shift.p_value), size_of(shift));
    for (const std::string& warning : comparison.warnings) {
        text += "! " + warning + "\n";
    }
    return text + verdict(comparison);
}

}  // namespace mynah::client::compare
