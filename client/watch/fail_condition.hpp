// fail_condition.hpp -- what a user takes for a failure besides loss: --fail-on 'outage>500ms'.
//
// What     NAME OPERATOR VALUE without spaces. Names: the bytes of ByteCounts (unacknowledged, reset, ...), unrepaired
//          and sent_again in bytes; outages, refusals, resets, timeouts, fins, missed (frames) and down (connections
//          without service at the end), which are counted; outage, the
//          longest, and min, mean, p50, p90, p99, p99.9 and max of the latency from plan, which are durations.
//          Operators: > >= < <= =.
// Errors   parse: one line that says what is wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "client/command_line_values.hpp"

namespace mynah::client::watch {

struct FailCondition {
    enum class Operator : std::uint8_t { above, at_least, below, at_most, equal };

    std::string text;  // as it was typed
    std::string name;
    Operator operation = Operator::above;
    std::int64_t value = 0;  // a count, or nanoseconds

    bool holds_for(std::int64_t measured) const noexcept;

    static Parsed<FailCondition> parse(std::string_view text);
    static bool is_duration(std::string_view name) noexcept;
    /// All names, for whoever measures them.
    static bool is_known(std::string_view name) noexcept;
};

}  // namespace mynah::client::watch
