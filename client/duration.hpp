// duration.hpp -- lengths of time as people type and read them: 1s, 250ms, 1m30s.
//
// What     parse_duration reads one or more numbers with a unit (ns, us, ms, s, m, h); a number alone is in seconds, as
//          ping(8) has it. format_duration writes the shortest text that parse_duration reads back.
// Threads  any.
// Errors   nullopt: no number, no such unit, negative, or more than kLongestDuration.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace mynah::client {

inline constexpr std::chrono::nanoseconds kLongestDuration = std::chrono::hours(24 * 366);

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

std::string format_duration(std::chrono::nanoseconds duration);

/// Milliseconds with three digits after the point, as ping(8) prints round trips: "0.123".
std::string format_milliseconds(std::chrono::nanoseconds duration);

}  // namespace mynah::client
