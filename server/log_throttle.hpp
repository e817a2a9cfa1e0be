// log_throttle.hpp -- keeps a peer from driving the log: at most one line a second for each thing worth saying.
// Threads  every member, from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace mynah::server {

class LogThrottle {
  public:
    /// How many times the thing has happened since the last line, when it is time for the next line.
    std::optional<std::uint64_t> count_one() noexcept {
        silent_.fetch_add(1, std::memory_order_relaxed);
        const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
        std::int64_t next = next_ns_.load(std::memory_order_relaxed);
        if (now < next || !next_ns_.compare_exchange_strong(next, now + kPause.count(), std::memory_order_relaxed)) {
            return std::nullopt;
        }
        return silent_.exchange(0, std::memory_order_relaxed);
    }

  private:
    static constexpr std::chrono::nanoseconds kPause = std::chrono::seconds(1);
    std::atomic<std::uint64_t> silent_{0};
    std::atomic<std::int64_t> next_ns_{0};
};

}  // namespace mynah::server
