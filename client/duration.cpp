#include "client/duration.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace mynah::client {
namespace {

struct Unit {
    std::string_view name;
    double nanoseconds;
};

// Longer names first where one begins with another: "ms" before "m".
constexpr std::array<Unit, 6> kUnits{{{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes a decimal number off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
    // from_chars would also read "inf", "nan" and a sign.
    if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) {
        return std::nullopt;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(value)) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// Takes a unit off the front of `text`.
std::optional<double> take_unit(std::string_view& text) {
    for (const Unit& unit : kUnits) {
        if (text.starts_with(unit.name)) {
            text.remove_prefix(unit.name.size());
            return unit.nanoseconds;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    double total = 0;
    bool first = true;
    do {
        const auto number = take_number(text);
        if (!number) {
            return std::nullopt;
        }
        if (first && text.empty()) {
            total = *number * 1e9;
            break;
        }
        const auto unit = take_unit(text);
        if (!unit) {
            return std::nullopt;
        }
        total += *number * *unit;
        first = false;
    } while (!text.empty());
    if (total > static_cast<double>(kLongestDuration.count())) {
        return std::nullopt;
    }
    return std::chrono::nanoseconds(std::llround(total));
}

std::string format_duration(std::chrono::nanoseconds duration) {
    const auto count = duration.count();
    if (count == 0) {
        return "0s";
    }
    for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
        const auto size = static_cast<std::chrono::nanoseconds::rep>(unit->nanoseconds);
        if (count % size == 0) {
            return fmt::format("{}{}", count / size, unit->name);
        }
        // 1.5s reads better than 1500ms, but 90s better than 1.5m.
        if (size <= 1'000'000'000 && count > size && count % (size / 10) == 0) {
            return fmt::format("{:.1f}{}", static_cast<double>(count) / unit->nanoseconds, unit->name);
        }
    }
    return fmt::format("{}ns", count);
}

std::string format_milliseconds(std::chrono::nanoseconds duration) {
    return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace mynah::client
