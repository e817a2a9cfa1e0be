#include "conc/internal/spin_lock.hpp"

#include <sched.h>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

void SpinLock::lock_slow() noexcept {
    // Twice as long between two looks each time: each look takes the cache line from whoever holds the lock, and one
    // worker that uses it many times in a row gets more done than two that take turns.
    constexpr int kMostPauses = 64;
    int pauses = 1;
    for (;;) {
        if (pauses <= kMostPauses) {
            for (int i = 0; i < pauses; ++i) {
                cpu_relax();
            }
            pauses *= 2;
        } else {
            // The holder may have lost its processor; with more threads than cores spinning would only keep it off.
            ::sched_yield();
        }
        // relaxed: only a hint that the exchange has a chance.
        if (!locked_.load(kRelaxed) && !locked_.exchange(true, kAcquire)) {
            return;
        }
    }
}

}  // namespace mynah::conc::internal
