// logging_options.hpp -- the words of the configuration that choose what is logged, and how.
#pragma once

#include <string_view>

namespace mynah::server {

enum class LogLevel {
    debug,  // per connection
    info,   // rare lifecycle
    warn,   // someone should act
    error,  // going down
    off,
};

enum class LogFormat { text, json };

[[nodiscard]] std::string_view to_string(LogLevel level);
[[nodiscard]] std::string_view to_string(LogFormat format);

struct LogOptions {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;

    friend bool operator==(const LogOptions&, const LogOptions&) = default;
};

}  // namespace mynah::server
