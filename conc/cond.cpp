#include "conc/cond.hpp"

#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/mutex.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::Waiter;
using internal::WakeList;

Cond::WaitAwaiter Cond::wait(Mutex::Guard& guard) {
    if (!guard.holds(mutex_)) {
        throw Panic("Cond.wait with a guard that does not hold its mutex");
    }
    return {*this, guard};
}

void Cond::WaitAwaiter::begin() noexcept {
    guard_.release();
    Mutex& mutex = mutex_;
    {
        const SpinGuard guard(cond_.lock_);
        cond_.waiters_.push(waiter_);
    }
    // From here on a signal may move the waiter over to the mutex, which is still locked: it cannot run before this.
    mutex.unlock();
}

Cond::WaitAwaiter::~WaitAwaiter() {
    if (waiter_.task == nullptr) {
        return;
    }
    // While the waiter stands in one of the two lists, that list's owner lives.
    if (waiter_.queued && !waiter_.at_mutex) {
        const SpinGuard guard(cond_.lock_);
        cond_.waiters_.remove(waiter_);
    } else {
        mutex_.abandon(waiter_);
    }
}

bool Cond::move_first(WakeList& woken) noexcept {
    Waiter* waiter = waiters_.pop_claimed();
    if (waiter == nullptr) {
        return false;
    }
    static_cast<CondWaiter*>(waiter)->at_mutex = true;
    mutex_.lock_for(*waiter, woken);
    return true;
}

void Cond::signal() noexcept {
    WakeList woken;  // wakes when it goes out of scope, after the locks
    const SpinGuard guard(lock_);
    move_first(woken);
}

void Cond::broadcast() noexcept {
    WakeList woken;
    const SpinGuard guard(lock_);
    while (move_first(woken)) {
    }
}

}  // namespace mynah::conc
