// configuration_values.hpp -- the notations of single values: durations, byte sizes, counts, words.
// What     parse_x(text) gives the value, or the reason why not, fit to be put after "KEY: ".
// Threads  any: pure functions.
// Errors   the reason quotes the text, escaped, and says what is accepted.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace mynah::server {

template <class T>
using Parsed = std::expected<T, std::string>;

struct DurationRange {
    std::chrono::milliseconds least;
    std::chrono::milliseconds most;
};

struct CountRange {
    std::uint64_t least;
    std::uint64_t most;
};

/// A whole number and a unit: "250ms", "60s", "2m", "1h". Zero too needs one: "0s".
[[nodiscard]] Parsed<std::chrono::milliseconds> parse_duration(std::string_view text, DurationRange accepted);

/// A whole number of bytes, or one with a unit: "65536", "64KiB", "1MiB", "1GiB".
[[nodiscard]] Parsed<std::uint64_t> parse_byte_count(std::string_view text, CountRange accepted);

/// A whole number in decimal.
[[nodiscard]] Parsed<std::uint64_t> parse_count(std::string_view text, CountRange accepted);

/// One of `words`, as its index.
[[nodiscard]] Parsed<std::size_t> parse_word(std::string_view text, std::span<const std::string_view> words);

/// The shortest exact notation that the parser reads back: 90000 ms are "90s", 120000 ms "2m", nothing "0s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);
[[nodiscard]] std::string format_byte_count(std::uint64_t bytes);

/// The text in double quotes, escaped and bounded.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "a", "a or b", "a, b or c".
[[nodiscard]] std::string alternatives(std::span<const std::string_view> words);

/// The candidate that a mistyped word most likely meant; empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace mynah::server
