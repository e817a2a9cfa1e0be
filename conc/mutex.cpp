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

// A waiter that was handed the lock and is destroyed before it ran gives the lock on. One whose mutex is gone was taken
// off the list by it.
Mutex::LockAwaiter::~LockAwaiter() {
    if (waiter_.task == nullptr) {
        return;
    }
    if (waiter_.slot != nullptr) {
        mutex_.unlock();
    } else if (waiter_.queued) {
        const SpinGuard guard(mutex_.lock_);
        mutex_.waiters_.remove(waiter_);
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
