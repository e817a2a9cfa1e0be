// monitor.hpp -- looks after the workers from a thread of its own.     Go: runtime.sysmon
//
// What     Hogs: a worker that is in the same run of a task for a limit has one, which is counted and described, and
//          shown to `on_hog` on the monitor's thread.
//          Sharing: from how many tasks the workers ran since the last look follows how long one takes, and from that
//          how many must wait in a worker's queue before it is worth waking another (Worker::share_from): none is woken
//          for less work than the waking costs, which for short tasks makes all the difference. Where tasks became
//          longer since, the monitor sees it, and does the waking itself: work waits for an idle worker no longer than
//          two looks.
// Threads  Monitor::wake_if_asleep: from any worker; HogRecord: from any thread; the rest: from the owner's thread.
//
// Invariants
// - It sleeps without end only while every worker is idle, and has run nothing since the last look. Who goes to sleep
//   stores asleep_ and then looks at the workers; a worker leaves the idle list and then looks at asleep_; both put a
//   full barrier between the two.
#pragma once

#include <chrono>
#include <cstddef>
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

/// The hogs of a run.
class HogRecord {
  public:
    void clear();
    void add(const Hog& hog);

    std::uint64_t count() const noexcept { return count_.load(kRelaxed); }
    /// The latest ones, oldest first.
    std::vector<Hog> hogs() const;

  private:
    static constexpr std::size_t kKept = 64;

    Atomic<std::uint64_t> count_{0};
    mutable std::mutex mutex_;
    std::deque<Hog> hogs_;  // guarded by mutex_
};

class Monitor {
  public:
    /// Starts its thread; throws std::system_error where there is none to be had.
    Monitor(SchedulerCore& core, HogRecord& record, Duration limit, std::function<void(const Hog&)> on_hog);
    ~Monitor() { stop(); }
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// Ends its thread.
    void stop() noexcept;

    void wake_if_asleep() noexcept {
        if (asleep_.load(kRelaxed)) {
            spot_.unpark();
        }
    }

  private:
    struct Look {
        std::uint64_t runs = 0;
        std::uint64_t runs_since = 0;  // since the look before
        std::uint64_t run = 0;
        TimePoint since;  // when it was first seen in this run
        bool told = false;
    };

    void loop();
    bool all_idle() const noexcept;
    /// Whether any worker ran anything since the last look.
    bool look_at_all(TimePoint now);
    void look_for_hog(const Worker& worker, Look& last, TimePoint now);
    static std::uint32_t tasks_worth_waking(std::uint64_t runs, Duration passed) noexcept;
    void tell(const Hog& hog);

    static constexpr Duration kLongestPause = std::chrono::milliseconds(1);
    static constexpr Duration kLongestLimit = std::chrono::hours(24);
    // What it costs to wake a worker, and to have it at work on something that was in another's cache.
    static constexpr Duration kWakingCosts = std::chrono::microseconds(50);

    SchedulerCore& core_;
    HogRecord& record_;
    const Duration limit_;
    const Duration pause_;  // between two looks
    const std::function<void(const Hog&)> on_hog_;
    ParkingSpot spot_;
    Atomic<bool> asleep_{false};
    Atomic<bool> stopping_{false};
    std::vector<Look> looks_;
    TimePoint last_look_;
    std::thread thread_;  // last: it uses the rest
};

}  // namespace mynah::conc::internal
