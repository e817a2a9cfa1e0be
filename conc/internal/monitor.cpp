#include "conc/internal/monitor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/hog.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/dump.hpp"
#include "conc/internal/run_queue.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/worker.hpp"
#include "conc/side_thread.hpp"

namespace mynah::conc::internal {

Monitor::Monitor(SchedulerCore& core, HogRecord& record, Duration limit, std::function<void(const Hog&)> on_hog)
    : core_(core),
      record_(record),
      limit_(std::min(limit, kLongestLimit)),
      pause_(core.worker_count() > 1 ? std::min(limit_, kLongestPause) : limit_),
      on_hog_(std::move(on_hog)),
      looks_(core.worker_count()),
      last_look_(Clock::now()),
      thread_([this] { loop(); }) {}

void Monitor::stop() noexcept {
    if (thread_.joinable()) {
        stopping_.store(true);
        spot_.unpark();
        thread_.join();
    }
}

void Monitor::loop() {
    // With one worker it never has to wake one, so it needs no descriptor; what on_hog needs is not known.
    if (looks_.size() == 1 && !on_hog_) {
        stand_aside();
    }
    bool quiet = false;
    while (!stopping_.load()) {
        if (quiet && all_idle()) {
            asleep_.store(true, kRelaxed);
            fence_seq_cst();  // see the invariants
            if (all_idle() && !stopping_.load()) {
                spot_.park(std::nullopt);
            }
            asleep_.store(false, kRelaxed);
            last_look_ = Clock::now();
        }
        spot_.park(Clock::now() + pause_);
        quiet = !look_at_all(Clock::now());
    }
}

bool Monitor::all_idle() const noexcept {
    return core_.idle_count() == looks_.size();
}

bool Monitor::look_at_all(TimePoint now) {
    const Duration passed = now - std::exchange(last_look_, now);
    std::uint64_t all_runs = 0;
    for (std::size_t i = 0; i < looks_.size(); ++i) {
        const std::uint64_t runs = core_.worker(i).runs();
        looks_[i].runs_since = runs - std::exchange(looks_[i].runs, runs);
        all_runs += looks_[i].runs_since;
    }
    const std::uint32_t worth = tasks_worth_waking(all_runs, passed);
    for (std::size_t i = 0; i < looks_.size(); ++i) {
        Worker& worker = core_.worker(i);
        if (looks_.size() > 1) {  // else there is nobody to share with
            // One that is still in the run it was in says nothing of how short the tasks behind it are: better too
            // early.
            worker.share_from(looks_[i].runs_since == 0 ? 1 : worth);
            if (worker.has_work_to_share()) {
                core_.notify_one();
            }
        }
        look_for_hog(worker, looks_[i], now);
    }
    return all_runs > 0;
}

// By the runs of all workers, and not of each: where a short task is shared, its workers wait for each other's cache
// lines, run fewer, and would look as if their tasks were long.
std::uint32_t Monitor::tasks_worth_waking(std::uint64_t runs, Duration passed) noexcept {
    const auto worth = static_cast<std::uint64_t>(kWakingCosts.count()) * runs /
                       static_cast<std::uint64_t>(std::max<Duration::rep>(passed.count(), 1));
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(worth, 1, LocalQueue::kCapacity / 2));
}

void Monitor::look_for_hog(const Worker& worker, Look& last, TimePoint now) {
    const Worker::Run run = worker.current_run();
    if (run.number == 0 || run.number != last.run) {
        last.run = run.number;
        last.since = now;
        last.told = false;
        return;
    }
    if (!last.told && now - last.since >= limit_) {
        last.told = true;
        tell({.task = run.task,
              .resumed_at = code_site(run.resumed_at),
              .created_at = code_site(run.created_at),
              .running = now - last.since});
    }
}

void Monitor::tell(const Hog& hog) {
    record_.add(hog);
    if (on_hog_) {
        on_hog_(hog);
    }
}

void HogRecord::clear() {
    const std::scoped_lock guard(mutex_);
    hogs_.clear();
    count_.store(0, kRelaxed);
}

void HogRecord::add(const Hog& hog) {
    const std::scoped_lock guard(mutex_);
    count_.fetch_add(1, kRelaxed);
    if (hogs_.size() == kKept) {
        hogs_.pop_front();
    }
    hogs_.push_back(hog);
}

std::vector<Hog> HogRecord::hogs() const {
    const std::scoped_lock guard(mutex_);
    return {hogs_.begin(), hogs_.end()};
}

}  // namespace mynah::conc::internal
