#include "conc/internal/hog_monitor.hpp"

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/hog.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/dump.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc::internal {

HogMonitor::HogMonitor(const SchedulerCore& core, Duration limit, std::function<void(const Hog&)> on_hog)
    : core_(core), limit_(limit), on_hog_(std::move(on_hog)), looks_(core.worker_count()), thread_([this] {
          loop();
      }) {}

void HogMonitor::stop() noexcept {
    if (thread_.joinable()) {
        stopping_.store(true);
        spot_.unpark();
        thread_.join();
    }
}

void HogMonitor::loop() {
    while (!stopping_.load()) {
        if (all_idle()) {
            asleep_.store(true, kRelaxed);
            fence_seq_cst();  // see the invariants
            if (all_idle() && !stopping_.load()) {
                spot_.park(std::nullopt);
            }
            asleep_.store(false, kRelaxed);
        } else {
            spot_.park(Clock::now() + limit_);
        }
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            look(core_.worker(i), looks_[i]);
        }
    }
}

bool HogMonitor::all_idle() const noexcept {
    return core_.idle_count() == looks_.size();
}

void HogMonitor::look(const Worker& worker, Look& last) {
    const Worker::Run run = worker.current_run();
    const TimePoint now = Clock::now();
    if (run.number == 0 || run.number != last.run) {
        last = {.run = run.number, .since = now, .told = false};
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

void HogMonitor::tell(const Hog& hog) {
    count_.fetch_add(1, kRelaxed);
    {
        const std::scoped_lock guard(mutex_);
        if (hogs_.size() == kKept) {
            hogs_.pop_front();
        }
        hogs_.push_back(hog);
    }
    if (on_hog_) {
        on_hog_(hog);
    }
}

std::vector<Hog> HogMonitor::hogs() const {
    const std::scoped_lock guard(mutex_);
    return {hogs_.begin(), hogs_.end()};
}

}  // namespace mynah::conc::internal
