// logging_sink.hpp -- the descriptor that log lines go to, which may be blocked or broken.
// What     write(line) waits until the descriptor takes the line; close_by(deadline) bounds that wait.
// Threads  write: one at a time. close_by and discarded: any.
// Errors   a line that cannot be written whole is discarded and counted. SIGPIPE is the caller's to block or ignore.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mynah::server {

class LoggingSink {
  public:
    explicit LoggingSink(int descriptor);  // borrowed; throws std::system_error when no eventfd is to be had
    LoggingSink(const LoggingSink&) = delete;
    LoggingSink& operator=(const LoggingSink&) = delete;
    ~LoggingSink();

    void write(std::string_view line);

    /// From now on no write waits beyond the deadline, not even one that waits already.
    void close_by(std::chrono::steady_clock::time_point deadline);

    /// What it uses.
    [[nodiscard]] std::vector<int> descriptors() const { return {descriptor_, closing_}; }
    [[nodiscard]] std::uint64_t discarded() const { return discarded_.load(std::memory_order_relaxed); }

  private:
    using Ticks = std::chrono::steady_clock::rep;
    static constexpr Ticks kOpen = 0;

    bool write_some(std::string_view& line);
    bool wait_writable();

    const int descriptor_;
    int closing_;                               // an eventfd, readable from close_by on
    std::atomic<Ticks> deadline_ = kOpen;       // of the steady clock; kOpen until close_by
    std::atomic<std::uint64_t> discarded_ = 0;  // a statistic: it orders nothing
};

}  // namespace mynah::server
