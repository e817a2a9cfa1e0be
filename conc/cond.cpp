#include "conc/cond.hpp"

#include <utility>

#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/mutex.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::Waiter;
using internal::WaiterList;
using internal::WakeList;

Cond::WaitAwaiter Cond::wait(Mutex::Guard& guard) {
    check(guard);
    return {*this, guard};
}

void Cond::check(const Mutex::Guard& guard) const {
    if (!guard.holds(mutex_)) {
        throw Panic("Cond.wait with a guard that does not hold its mutex");
    }
}

void Cond::WaitAwaiter::queue_and_unlock() noexcept {
    guard_.release();
    Mutex& mutex = mutex_;
    {
        const SpinGuard guard(cond_.lock_);
        cond_.waiters_.push(waiter_);
    }
    // From here on a signal may move the waiter over to the mutex, which is still locked: it cannot run before this.
    mutex.unlock();
}

void Cond::WaitAwaiter::await_resume() {
    mutex_.arrived(waiter_);
    Mutex::Guard mine(mutex_);
    if (guard_.mutex_ != nullptr) {
        throw Panic("Cond.wait whose guard got another lock meanwhile");
    }
    guard_ = std::move(mine);
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
        Mutex::abandon(mutex_, waiter_);
    }
}

bool Cond::take_first(WaiterList& taken) noexcept {
    Waiter* waiter = waiters_.pop_claimed();
    if (waiter == nullptr) {
        return false;
    }
    static_cast<CondWaiter*>(waiter)->at_mutex = true;
    taken.push(*waiter);
    return true;
}

// A waiter that stands in the mutex's queue may run at once, and destroy the Cond: so nothing here is touched any more
// once the mutex knows of it. The mutex itself stays until the last of them has had it.
void Cond::signal() noexcept {
    WakeList woken;  // wakes when it goes out of scope, after the locks
    WaiterList taken;
    Mutex& mutex = mutex_;
    {
        const SpinGuard guard(lock_);
        if (!take_first(taken)) {
            return;
        }
    }
    mutex.lock_for(taken, woken);
}

void Cond::broadcast() noexcept {
    WakeList woken;
    WaiterList taken;
    Mutex& mutex = mutex_;
    {
        const SpinGuard guard(lock_);
        while (take_first(taken)) {
        }
    }
    if (!taken.empty()) {
        mutex.lock_for(taken, woken);
    }
}

}  // namespace mynah::conc
