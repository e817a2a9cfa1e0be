// logging.hpp -- events to stderr, as lines of text or of JSON.
// What     log_event(level, "drain", {{"phase", "draining"}, {"open", 12}}) gives one line:
//              2026-01-31T12:00:00.000000Z info drain phase=draining open=12
//              {"time":"2026-01-31T12:00:00.000000Z","level":"info","event":"drain","phase":"draining","open":12}
//          Logging is the process's log, from its construction to its end; there is one at a time.
// Threads  log_event from any, while the Logging lives; it never waits for stderr, which has a thread of its own.
// Escapes  values may be any bytes, a peer's too: a line stays one line, printable ASCII, and bounded. Text escapes as
//          escape() does, and quotes what holds a space; JSON has its own escapes, and \xNN where bytes are not UTF-8.
// Order    the lines of one thread keep their order.
// Errors   none: a line that stderr does not take in time is dropped and counted, the oldest first. The end of the
//          Logging waits for stderr for close_wait at most, then says how many were dropped.
// Cost     a short lock and an allocation; one comparison below the level.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include <unistd.h>

#include "server/logging_options.hpp"

namespace mynah::server {

/// A field's value; text is only viewed, so it must live until log_event returns. Give durations in a unit that the key
/// names: {"linger_ms", linger.count()}.
class LogValue {
  public:
    using Variant = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;

    LogValue(bool value) : value_(value) {}
    LogValue(std::signed_integral auto value) : value_(std::int64_t{value}) {}
    LogValue(std::unsigned_integral auto value) : value_(std::uint64_t{value}) {}
    LogValue(double value) : value_(value) {}
    LogValue(const char* value) : value_(std::string_view(value)) {}
    LogValue(std::string_view value) : value_(value) {}
    LogValue(const std::string& value) : value_(std::string_view(value)) {}

    [[nodiscard]] const Variant& get() const { return value_; }

  private:
    Variant value_;
};

/// "time", "level" and "event" are taken: they are no keys for fields.
struct LogField {
    std::string_view key;
    LogValue value;
};

using LogFields = std::initializer_list<LogField>;

class Logging {
  public:
    struct Options {
        LogOptions log;
        int descriptor = STDERR_FILENO;  // borrowed
        std::size_t queue_lines = 4096;
        std::chrono::milliseconds close_wait{1000};
    };

    explicit Logging(const Options& options);  // throws std::logic_error when there is one already
    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;
    ~Logging();

    /// Lines dropped so far, because stderr was not read or not writable.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    friend bool log_enabled(LogLevel level);
    friend void log_event(LogLevel level, std::string_view event, LogFields fields);
    struct Core;

    std::unique_ptr<Core> core_;
};

/// Whether an event of this level would be written. Without a Logging none is.
[[nodiscard]] bool log_enabled(LogLevel level);

void log_event(LogLevel level, std::string_view event, LogFields fields = {});

/// What follows the time in a line, "info drain phase=draining", or in an object: "level":"info","event":"drain",...
[[nodiscard]] std::string format_event(LogFormat format, LogLevel level, std::string_view event, LogFields fields);

}  // namespace mynah::server
