#include "client/command_line_values.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "client/duration.hpp"
#include "client/terminal_escaper.hpp"

namespace mynah::client {

std::string printable(std::string_view text) {
    TerminalEscaper escaper;
    std::string shown = escaper.escape(text);
    shown += escaper.flush();
    for (std::size_t at = 0; (at = shown.find('\n', at)) != std::string::npos;) {
        shown.replace(at, 1, "\\x0a");
    }
    return shown;
}

std::string in_quotes(std::string_view text) {
    return "\"" + printable(text) + "\"";
}

Parsed<std::chrono::nanoseconds> read_duration(std::string_view flag, const std::optional<std::string>& text,
                                               std::chrono::nanoseconds standard) {
    if (!text) {
        return standard;
    }
    const auto duration = parse_duration(*text);
    if (!duration || duration->count() <= 0) {
        return std::unexpected(fmt::format("{}: {} is not a duration above zero, such as 250ms or 1.5s, and up to {}",
                                           flag, in_quotes(*text), format_duration(kLongestDuration)));
    }
    return *duration;
}

Parsed<std::string> read_file_name(std::string_view flag, const std::optional<std::string>& text) {
    if (!text) {
        return std::string();
    }
    // Whoever forgot the name has typed the next flag in its place.
    if (text->empty() || (text->size() > 1 && text->starts_with("-"))) {
        return std::unexpected(fmt::format("{}: {} is no name of a file{}", flag, in_quotes(*text),
                                           text->empty() ? "" : "; with ./ before it is"));
    }
    return *text;
}

Parsed<std::uint64_t> read_number(std::string_view flag, std::string_view text, std::uint64_t most) {
    std::uint64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end != last || number == 0 || number > most) {
        const std::string range =
            most == std::numeric_limits<std::uint64_t>::max() ? "above zero" : fmt::format("from 1 to {}", most);
        return std::unexpected(fmt::format("{}: {} is not a whole number {}", flag, in_quotes(text), range));
    }
    return number;
}

}  // namespace mynah::client
