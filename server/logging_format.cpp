// logging_format.cpp -- one event as text or as the members of a JSON object.
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/escape.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

constexpr std::size_t kLongestValueCharacters = 1024;

bool needs_quotes(std::string_view text) {
    return text.empty() || text.find_first_of(" \"=") != std::string_view::npos;
}

std::string text_value(std::string_view bytes) {
    std::string safe = escape(bytes, kLongestValueCharacters);
    if (!needs_quotes(bytes)) {
        return safe;
    }
    std::string quoted = "\"";
    for (const char character : safe) {
        if (character == '"') {
            quoted += '\\';
        }
        quoted += character;
    }
    return quoted + '"';
}

std::string format_text(LogLevel level, std::string_view event, LogFields fields) {
    std::string line = fmt::format("{} {}", to_string(level), escape(event));
    for (const LogField& field : fields) {
        line += ' ';
        line += escape(field.key);
        line += '=';
        line += std::visit(
            [](const auto& value) {
                if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                    return text_value(value);
                } else {
                    return fmt::format("{}", value);
                }
            },
            field.value.get());
    }
    return line;
}

/// Decides with the serializer's own reading of UTF-8, which is strict.
bool is_utf8(std::string_view bytes) {
    try {
        (void)nlohmann::json(bytes).dump();
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

nlohmann::ordered_json json_value(std::string_view bytes) {
    if (bytes.size() <= kLongestValueCharacters && is_utf8(bytes)) {
        return bytes;
    }
    return escape(bytes, kLongestValueCharacters);
}

std::string format_json(LogLevel level, std::string_view event, LogFields fields) {
    nlohmann::ordered_json object;
    object["level"] = to_string(level);
    object["event"] = json_value(event);
    for (const LogField& field : fields) {
        auto& member = object[escape(field.key)];
        std::visit(
            [&member](const auto& value) {
                if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                    member = json_value(value);
                } else {
                    member = value;
                }
            },
            field.value.get());
    }
    // ASCII only: no byte of a peer's, such as a bidirectional override, reaches the terminal that shows the log.
    constexpr bool kAsciiOnly = true;
    const std::string text = object.dump(-1, ' ', kAsciiOnly);
    return text.substr(1, text.size() - 2);  // the braces are the line's, around the time as well
}

}  // namespace

std::string format_event(LogFormat format, LogLevel level, std::string_view event, LogFields fields) {
    return format == LogFormat::json ? format_json(level, event, fields) : format_text(level, event, fields);
}

}  // namespace mynah::server
