#include "server/configuration_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "server/escape.hpp"

namespace mynah::server {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 4> kDurationUnits{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<Unit, 4> kByteUnits{{{"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}}};

struct Number {
    std::uint64_t value;    // the greatest there is when the text's was greater
    std::string_view unit;  // what follows the digits
};

std::optional<Number> split_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument) {
        return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) {
        value = std::numeric_limits<std::uint64_t>::max();
    }
    return Number{.value = value, .unit = text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::optional<std::uint64_t> factor_of(std::string_view unit, std::span<const Unit> units) {
    const auto found = std::ranges::find(units, unit, &Unit::name);
    return found == units.end() ? std::nullopt : std::optional(found->factor);
}

/// The product, or the greatest number there is: both are then out of every range.
std::uint64_t saturating_product(std::uint64_t value, std::uint64_t factor) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    return value > kMost / factor ? kMost : value * factor;
}

std::string format_with(std::uint64_t value, std::span<const Unit> units) {
    const auto largest =
        std::ranges::find_if(units.rbegin(), units.rend(), [&](const Unit& unit) { return value % unit.factor == 0; });
    return std::to_string(value / largest->factor) + std::string(largest->name);
}

template <class Range>
std::string out_of_range(std::string_view text, const Range& accepted,
                         std::string (*format)(decltype(accepted.least))) {
    return in_quotes(text) + " is out of range; accepted: " + format(accepted.least) + " to " + format(accepted.most);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text, DurationRange accepted) {
    constexpr std::string_view kAccepted = "; accepted: a whole number and a unit, such as 250ms, 60s, 2m or 1h";
    const auto number = split_number(text);
    if (!number) {
        return std::unexpected(in_quotes(text) + " is not a duration" + std::string(kAccepted));
    }
    if (number->unit.empty()) {
        return std::unexpected(in_quotes(text) + " has no unit" + std::string(kAccepted));
    }
    const auto factor = factor_of(number->unit, kDurationUnits);
    if (!factor) {
        return std::unexpected(in_quotes(text) + " is not a duration" + std::string(kAccepted));
    }
    const std::uint64_t milliseconds = saturating_product(number->value, *factor);
    if (milliseconds < static_cast<std::uint64_t>(accepted.least.count()) ||
        milliseconds > static_cast<std::uint64_t>(accepted.most.count())) {
        return std::unexpected(out_of_range(text, accepted, &format_duration));
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

Parsed<std::uint64_t> parse_byte_count(std::string_view text, CountRange accepted) {
    const auto number = split_number(text);
    const auto factor =
        !number ? std::nullopt : factor_of(number->unit.empty() ? std::string_view("B") : number->unit, kByteUnits);
    if (!factor) {
        return std::unexpected(in_quotes(text) +
                               " is not a number of bytes; accepted: a whole number, or one with B, KiB, MiB or GiB, "
                               "such as 65536 or 64KiB");
    }
    const std::uint64_t bytes = saturating_product(number->value, *factor);
    if (bytes < accepted.least || bytes > accepted.most) {
        return std::unexpected(out_of_range(text, accepted, &format_byte_count));
    }
    return bytes;
}

Parsed<std::uint64_t> parse_count(std::string_view text, CountRange accepted) {
    const auto number = split_number(text);
    if (!number || !number->unit.empty()) {
        return std::unexpected(in_quotes(text) + " is not a whole number; accepted: " + std::to_string(accepted.least) +
                               " to " + std::to_string(accepted.most));
    }
    if (number->value < accepted.least || number->value > accepted.most) {
        return std::unexpected(out_of_range(text, accepted, &std::to_string));
    }
    return number->value;
}

Parsed<std::size_t> parse_word(std::string_view text, std::span<const std::string_view> words) {
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        return std::unexpected(in_quotes(text) + " is not known; choose " + alternatives(words));
    }
    return static_cast<std::size_t>(found - words.begin());
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto milliseconds = static_cast<std::uint64_t>(duration.count());
    return milliseconds == 0 ? "0s" : format_with(milliseconds, kDurationUnits);
}

std::string format_byte_count(std::uint64_t bytes) {
    return bytes == 0 ? "0B" : format_with(bytes, kByteUnits);
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kLimitCharacters = 80;
    return '"' + escape(text, kLimitCharacters) + '"';
}

std::string alternatives(std::span<const std::string_view> words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i != 0) {
            out += i + 1 == words.size() ? " or " : ", ";
        }
        out += words[i];
    }
    return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    // Longer than any candidate by far: no typing mistake, and not worth the quadratic time.
    constexpr std::size_t kLongestWord = 64;
    std::string_view best;
    if (word.size() > kLongestWord) {
        return best;
    }
    // A third of the letters may be wrong: "idle_timout" is idle_timeout, "colour" is nothing.
    std::size_t least = word.size() / 3 + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < least) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace mynah::server
