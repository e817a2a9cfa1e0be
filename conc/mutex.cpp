#include "conc/mutex.hpp"

#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::TaskRecord;
using internal::Waiter;
using internal::WaiterList;
using internal::WakeList;

// Only the scheduler destroys a mutex that a waiter was handed, or waits for: when a run ends.
Mutex::~Mutex() {
    if (handed_to_ != nullptr) {
        handed_to_->slot = nullptr;
    }
}

Mutex::LockAwaiter::~LockAwaiter() {
    if (waiter_.task != nullptr) {
        abandon(mutex_, waiter_);
    }
}

void Mutex::abandon(Mutex& mutex, Waiter& waiter) noexcept {
    if (waiter.slot != nullptr) {
        mutex.handed_to_ = nullptr;
        mutex.unlock();
    } else if (waiter.queued) {
        const SpinGuard guard(mutex.lock_);
        mutex.waiters_.remove(waiter);
    }
}

void Mutex::lock_for(WaiterList& waiters, WakeList& woken) noexcept {
    const SpinGuard guard(lock_);
    while (Waiter* waiter = waiters.front()) {
        waiters.remove(*waiter);
        if (locked_) {
            // A dump is to say what the task waits for now.
            waiter->task->reason.store(internal::WaitReason::mutex_lock, internal::kRelaxed);
            waiters_.push(*waiter);
        } else {
            locked_ = true;
            handed_to_ = waiter;
            waiter->slot = this;
            woken.push(*waiter->task);
        }
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
            handed_to_ = waiter;  // the mutex stays locked, for it
            waiter->slot = this;
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
