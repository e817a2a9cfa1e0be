// progress.hpp -- the line that shows how a long transfer goes.
//
// What     show() rewrites a line on standard error once a second with what has come back and how fast, until its
//          context is cancelled, and then takes it away. A transfer of less than a second shows nothing.
// Threads  add() from any task.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "client/console.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client {

class Progress {
  public:
    explicit Progress(Console* console) : console_(console) {}

    void add(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }  // a counter, orders nothing

    conc::Task<void> show(conc::Context ctx);

  private:
    Console* console_;
    std::atomic<std::uint64_t> bytes_{0};
};

/// "64.0 MiB back, 21.3 MiB/s": all bytes so far, and the rate over the last `recent_time`.
std::string progress_line(std::uint64_t bytes, std::uint64_t recent_bytes, std::chrono::nanoseconds recent_time);

}  // namespace mynah::client
