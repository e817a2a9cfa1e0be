// sleep.hpp -- lets time pass, or lets others run.                  Go: time.Sleep, runtime.Gosched
//
// What     co_await sleep_for(d), sleep_until(t): the task goes on not before that moment; co_await yield(): the task
//          goes to the end of the local queue. A sleep of any length above zero lets others run, however short.
// Threads  from any task.
// Resume   on the worker that slept, or on one that stole it.
// Cancel   the awaits are destroyed safely; to give up early, use select with after().
// Errors   none.
// Cost     sleep: one entry of the worker's timer heap, no allocation beyond the heap's own growth.
#pragma once

#include <chrono>
#include <coroutine>

#include "conc/event_source.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/timer_heap.hpp"

namespace mynah::conc {
namespace internal {

void arm_timer(TaskRecord& task, TimerNode& node, TimePoint deadline);
void enqueue_yielded(TaskRecord& task) noexcept;

class SleepAwaiter final : private TimerNode {
  public:
    explicit SleepAwaiter(TimePoint until) noexcept : until_(until) {}
    /// One that does not sleep.
    SleepAwaiter() noexcept : until_(TimePoint::min()) {}
    ~SleepAwaiter() { disarm(); }
    SleepAwaiter(const SleepAwaiter&) = delete;
    SleepAwaiter& operator=(const SleepAwaiter&) = delete;

    bool await_ready() const noexcept { return until_ == TimePoint::min(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) {
        task_ = &park(where, WaitReason::sleep);
        arm_timer(*task_, *this, until_);
    }
    void await_resume() const noexcept {}

  private:
    void expire(WakeList& woken) noexcept override { woken.push(*task_); }

    TimePoint until_;
    TaskRecord* task_ = nullptr;
};

struct YieldAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) const noexcept {
        PromiseBase& promise = where.promise();  // does not wait, so it is not parked
        promise.record->leaf = &promise;
        enqueue_yielded(*promise.record);
    }
    void await_resume() const noexcept {}
};

}  // namespace internal

TimePoint now() noexcept;

inline internal::SleepAwaiter sleep_for(Duration duration) noexcept {
    if (duration <= Duration::zero()) {
        return {};
    }
    const TimePoint start = now();
    return internal::SleepAwaiter(duration > TimePoint::max() - start ? TimePoint::max() : start + duration);
}

inline internal::SleepAwaiter sleep_until(TimePoint when) noexcept {
    return when <= now() ? internal::SleepAwaiter() : internal::SleepAwaiter(when);
}

inline internal::YieldAwaiter yield() noexcept {
    return {};
}

}  // namespace mynah::conc
