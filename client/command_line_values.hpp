// command_line_values.hpp -- reads what stands behind a flag.
//
// Errors   one line, fit for a terminal, that names the flag, the value and what it should be.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace mynah::client {

template <class T>
using Parsed = std::expected<T, std::string>;

/// What a user typed, fit for one line on a terminal.
std::string printable(std::string_view text);

std::string in_quotes(std::string_view text);

/// Above zero; `standard` where nothing was typed.
Parsed<std::chrono::nanoseconds> read_duration(std::string_view flag, const std::optional<std::string>& text,
                                               std::chrono::nanoseconds standard);

/// The name of a file to write; empty where none was typed.
Parsed<std::string> read_file_name(std::string_view flag, const std::optional<std::string>& text);

/// A whole number from 1 to `most`.
Parsed<std::uint64_t> read_number(std::string_view flag, std::string_view text, std::uint64_t most);

}  // namespace mynah::client
