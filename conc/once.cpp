#include "conc/once.hpp"

#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

OnceGate::PassAwaiter::~PassAwaiter() {
    if (waiter_.task != nullptr && waiter_.queued) {
        const SpinGuard guard(gate_.lock_);
        gate_.waiters_.remove(waiter_);
    }
}

bool OnceGate::PassAwaiter::await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    if (gate_.done()) {
        return true;
    }
    gate_.lock_.lock();
    if (gate_.done()) {
        gate_.lock_.unlock();
        return true;
    }
    if (gate_.begun_) {
        return false;
    }
    gate_.begun_ = true;
    pass_ = Pass::first;
    gate_.lock_.unlock();
    return true;
}

void OnceGate::finish() noexcept {
    WakeList woken;  // wakes when it goes out of scope, after the lock
    const SpinGuard guard(lock_);
    done_.store(true, kRelease);  // release: pairs with done()
    while (Waiter* waiter = waiters_.pop_claimed()) {
        woken.push(*waiter->task);
    }
}

}  // namespace mynah::conc::internal
