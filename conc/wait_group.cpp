#include "conc/wait_group.hpp"

#include <cstdint>

#include <sched.h>

#include "conc/internal/atomic.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::kAcqRel;
using internal::kAcquire;
using internal::kRelaxed;
using internal::Waiter;
using internal::WakeList;

void WaitGroup::WaitAwaiter::abandon() noexcept {
    if (waiter_.queued) {
        group_.lock();
        group_.waiters_.remove(waiter_);
        if (group_.waiters_.empty()) {
            group_.state_.fetch_and(~kWaited, kRelaxed);
        }
        group_.unlock();
    }
}

bool WaitGroup::WaitAwaiter::await_ready() noexcept {
    // acquire: pairs with the release of each done().
    if (group_.state_.load(kAcquire) == 0) {
        return true;
    }
    group_.lock();
    std::uint64_t word = group_.state_.load(kAcquire);
    // Nobody but the holder of the lock makes the count zero, once it is held; before, anybody did.
    while (count_of(word) == 0) {
        // Unlocks, unless an add() came meanwhile: then there is something to wait for.
        if (group_.state_.compare_exchange_weak(word, word & ~kLocked, kAcqRel, kAcquire)) {
            return true;
        }
    }
    return false;
}

void WaitGroup::take_away(std::int64_t count) {
    const std::uint64_t taken = static_cast<std::uint64_t>(count) << kCountShift;
    std::uint64_t word = state_.load(kRelaxed);
    for (;;) {
        const std::int64_t left = count_of(word) - count;
        if (left < 0) {
            throw Panic("negative WaitGroup counter");
        }
        if (left == 0 && (word & (kLocked | kWaited)) != 0) {
            lock();
            if (take_last(taken)) {
                return;
            }
            unlock();
            word = state_.load(kRelaxed);
        } else if (state_.compare_exchange_weak(word, word - taken, kAcqRel, kRelaxed)) {
            // release: what the task did happens before the return of the wait() that sees zero.
            return;
        }
    }
}

// The lock is held, and no more where it returns true: the count was `taken`, somebody waited, and all of them wake.
bool WaitGroup::take_last(std::uint64_t taken) noexcept {
    const std::uint64_t last = taken | kWaited | kLocked;
    if (state_.load(kRelaxed) != last) {
        return false;
    }
    WakeList woken;
    while (Waiter* waiter = waiters_.pop_claimed()) {
        woken.push(*waiter->task);
    }
    // An add() may come between: these waiters have seen a count of zero all the same, since it would be zero had that
    // add() come a moment later. So the count is taken down by what this call takes, and no waiter is left.
    // release, acquire: what every task did before its done() happens before the waiters go on. The last access, where
    // no add() came: whoever sees 0 may destroy the group.
    state_.fetch_sub(last, kAcqRel);
    woken.wake_all();
    return true;
}

void WaitGroup::lock() noexcept {
    constexpr int kSpins = 64;
    for (int spins = 0;; ++spins) {
        if ((state_.fetch_or(kLocked, kAcquire) & kLocked) == 0) {
            return;
        }
        while ((state_.load(kRelaxed) & kLocked) != 0) {
            if (++spins < kSpins) {
                internal::cpu_relax();
            } else {
                ::sched_yield();  // the holder may have lost its processor
            }
        }
    }
}

}  // namespace mynah::conc
