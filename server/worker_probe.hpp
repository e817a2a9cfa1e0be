// worker_probe.hpp -- how late a worker's tasks are, and what it waits with: measured on the worker.
// What     run() sleeps for kInterval, again and again, and counts by how much later than that it goes on. A worker
//          that some task keeps is that late for all of its connections. A delay that is shorter than the interval may
//          fall between two looks.
// Threads  run: one task. delays and driver: from any thread.
// Cost     a timer ten times a second for each worker; nothing where it does not run.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/driver.hpp"
#include "server/count.hpp"

namespace mynah::server {

/// Upper bounds of the buckets, in seconds; one more has what is beyond.
inline constexpr std::array kDelayBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                         0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};

/// Delays by bucket.
struct DelayCounts {
    std::array<std::uint64_t, kDelayBounds.size() + 1> by_bucket{};  // not cumulative
    double sum_seconds = 0;
};

class WorkerProbe {
  public:
    static constexpr std::chrono::milliseconds kInterval{100};

    /// The worker that owns `home`, which outlives the probe.
    explicit WorkerProbe(conc::EventSource& home) : home_(home) {}
    WorkerProbe(const WorkerProbe&) = delete;
    WorkerProbe& operator=(const WorkerProbe&) = delete;

    /// Until `until` is cancelled.
    conc::Task<void> run(conc::Context until);

    DelayCounts delays() const;

    /// What the worker waited with when it was last looked at; with `automatic` that is one of the others, once run()
    /// has begun.
    net::DriverKind driver() const noexcept { return driver_.load(std::memory_order_relaxed); }

    /// Counts one delay.
    void note(std::chrono::nanoseconds delay);

  private:
    void look_at_driver();

    conc::EventSource& home_;
    std::atomic<net::DriverKind> driver_{net::DriverKind::automatic};
    std::array<Count, kDelayBounds.size() + 1> by_bucket_;  // written by run() alone
    Count sum_ns_;
};

}  // namespace mynah::server
