#include "conc/mutex.hpp"

#include "conc/internal/annotations.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::TaskRecord;
using internal::Waiter;
using internal::WakeList;

Mutex::LockAwaiter::~LockAwaiter() {
    if (waiter_.task != nullptr) {
        mutex_.abandon(waiter_);
    }
}

// A waiter that was handed the lock and is destroyed before it ran gives the lock on. One whose mutex is gone was taken
// off the list by it.
void Mutex::abandon(Waiter& waiter) noexcept {
    if (waiter.slot != nullptr) {
        unlock();
    } else if (waiter.queued) {
        const SpinGuard guard(lock_);
        waiters_.remove(waiter);
    }
}

void Mutex::lock_for(Waiter& waiter, WakeList& woken) noexcept {
    const SpinGuard guard(lock_);
    if (locked_) {
        waiters_.push(waiter);
    } else {
        locked_ = true;
        waiter.slot = this;
        woken.push(*waiter.task);
    }
}

bool Mutex::LockAwaiter::await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    mutex_.lock_.lock();
    if (mutex_.locked_) {
        return false;
    }
    mutex_.locked_ = true;
    mutex_.lock_.unlock();
    return true;
}

bool Mutex::try_lock() noexcept {
    const SpinGuard guard(lock_);
    if (locked_) {
        return false;
    }
    locked_ = true;
    return true;
}

void Mutex::unlock() noexcept {
    TaskRecord* next = nullptr;
    {
        const SpinGuard guard(lock_);
        if (!locked_) {
            internal::fatal("unlock of an unlocked Mutex");
        }
        if (Waiter* waiter = waiters_.pop_claimed(); waiter != nullptr) {
            waiter->slot = this;  // the mutex stays locked, for it
            next = waiter->task;
        } else {
            locked_ = false;
        }
    }
    if (next != nullptr) {
        make_ready(*next);
    }
}

}  // namespace mynah::conc
