#include "client/watch/fail_condition.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/command_line_values.hpp"
#include "client/duration.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::array<std::string_view, 19> kCounts{"sent",       "echoed",     "unacknowledged", "reset",     "silent",
                                                   "corrupted",  "duplicated", "misdelivered",   "reordered", "foreign",
                                                   "unrepaired", "sent_again", "outages",        "refusals",  "resets",
                                                   "timeouts",   "fins",       "missed",         "down"};
constexpr std::array<std::string_view, 8> kDurations{"outage", "min", "mean", "p50", "p90", "p99", "p99.9", "max"};

struct Sign {
    std::string_view text;
    FailCondition::Operator operation;
};
// Longer ones first where one begins with another.
constexpr std::array<Sign, 5> kSigns{{{">=", FailCondition::Operator::at_least},
                                      {"<=", FailCondition::Operator::at_most},
                                      {">", FailCondition::Operator::above},
                                      {"<", FailCondition::Operator::below},
                                      {"=", FailCondition::Operator::equal}}};

std::unexpected<std::string> complaint(std::string_view text, std::string_view what) {
    return std::unexpected(fmt::format("--fail-on: {} {}", in_quotes(text), what));
}

}  // namespace

bool FailCondition::is_duration(std::string_view name) noexcept {
    return std::ranges::find(kDurations, name) != kDurations.end();
}

bool FailCondition::is_known(std::string_view name) noexcept {
    return is_duration(name) || std::ranges::find(kCounts, name) != kCounts.end();
}

bool FailCondition::holds_for(std::int64_t measured) const noexcept {
    switch (operation) {
        case Operator::above:
            return measured > value;
        case Operator::at_least:
            return measured >= value;
        case Operator::below:
            return measured < value;
        case Operator::at_most:
            return measured <= value;
        case Operator::equal:
            return measured == value;
    }
    return false;
}

Parsed<FailCondition> FailCondition::parse(std::string_view text) {
    const std::size_t at = text.find_first_of("<>=");
    if (at == std::string_view::npos || at == 0) {
        return complaint(text, "is not a condition such as outage>500ms or unacknowledged>0");
    }
    FailCondition condition{.text = std::string(text), .name = std::string(text.substr(0, at))};
    if (!is_known(condition.name)) {
        return complaint(text, "begins with an unknown name (known: " +
                                   fmt::format("{}, {}", fmt::join(kCounts, ", "), fmt::join(kDurations, ", ")) + ")");
    }
    const std::string_view rest = text.substr(at);
    const auto* sign = std::ranges::find_if(kSigns, [rest](const Sign& one) { return rest.starts_with(one.text); });
    const std::string_view value = rest.substr(sign->text.size());
    condition.operation = sign->operation;
    if (is_duration(condition.name)) {
        const auto duration = parse_duration(value);
        if (!duration) {
            return complaint(text, "does not end with a duration such as 500ms or 1.5s");
        }
        condition.value = duration->count();
        return condition;
    }
    if (value == "0") {
        return condition;
    }
    const auto number = read_number("--fail-on", value, std::numeric_limits<std::int64_t>::max());
    if (!number) {
        return complaint(text, "does not end with a whole number");
    }
    condition.value = static_cast<std::int64_t>(*number);
    return condition;
}

}  // namespace mynah::client::watch
