#include "conc/wait_group.hpp"

#include <cstdint>

#include "conc/internal/annotations.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::Waiter;
using internal::WakeList;

WaitGroup::WaitAwaiter::~WaitAwaiter() {
    if (waiter_.task != nullptr && waiter_.queued) {
        const SpinGuard guard(group_.lock_);
        group_.waiters_.remove(waiter_);
    }
}

bool WaitGroup::WaitAwaiter::await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    // The lock is taken even where the count could be read without it: the last done() may still hold it, and the
    // caller may destroy the group as soon as this returns true.
    group_.lock_.lock();
    if (group_.count_ != 0) {
        return false;
    }
    group_.lock_.unlock();
    return true;
}

void WaitGroup::add(std::int64_t count) {
    WakeList woken;  // wakes when it goes out of scope, after the lock
    const SpinGuard guard(lock_);
    if (count_ + count < 0) {
        throw Panic("negative WaitGroup counter");
    }
    count_ += count;
    if (count_ == 0) {
        while (Waiter* waiter = waiters_.pop_claimed()) {
            woken.push(*waiter->task);
        }
    }
}

}  // namespace mynah::conc
