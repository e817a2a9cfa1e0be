// hog_monitor.hpp -- finds tasks that keep their workers.              Go: runtime.sysmon
//
// What     looks at every worker once in a limit; a worker that is in the same run of a task as the last time has a
//          hog, which is counted and described, and shown to `on_hog` on the monitor's thread.
// Threads  wake_if_asleep: from any worker; hogs and count: from any thread; the rest: from the thread that owns it.
//
// Invariants
// - It sleeps without end only while every worker is idle. Who goes to sleep stores asleep_ and then looks at the
//   workers; a worker leaves the idle list and then looks at asleep_; both put a full barrier between the two.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/hog.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/parking_spot.hpp"

namespace mynah::conc::internal {

class SchedulerCore;
class Worker;

class HogMonitor {
  public:
    /// Starts its thread; throws std::system_error where there is none to be had.
    HogMonitor(const SchedulerCore& core, Duration limit, std::function<void(const Hog&)> on_hog);
    ~HogMonitor() { stop(); }
    HogMonitor(const HogMonitor&) = delete;
    HogMonitor& operator=(const HogMonitor&) = delete;

    /// Ends its thread; what it has seen can still be asked for.
    void stop() noexcept;

    void wake_if_asleep() noexcept {
        if (asleep_.load(kRelaxed)) {
            spot_.unpark();
        }
    }

    std::uint64_t count() const noexcept { return count_.load(kRelaxed); }
    /// The latest ones, oldest first.
    std::vector<Hog> hogs() const;

  private:
    struct Look {
        std::uint64_t run = 0;
        TimePoint since;
        bool told = false;
    };

    void loop();
    bool all_idle() const noexcept;
    void look(const Worker& worker, Look& last);
    void tell(const Hog& hog);

    static constexpr std::size_t kKept = 64;

    const SchedulerCore& core_;
    const Duration limit_;
    const std::function<void(const Hog&)> on_hog_;
    ParkingSpot spot_;
    Atomic<bool> asleep_{false};
    Atomic<bool> stopping_{false};
    Atomic<std::uint64_t> count_{0};
    mutable std::mutex mutex_;
    std::deque<Hog> hogs_;  // guarded by mutex_
    std::vector<Look> looks_;
    std::thread thread_;  // last: it uses the rest
};

}  // namespace mynah::conc::internal
