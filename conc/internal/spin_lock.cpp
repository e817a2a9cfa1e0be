#include "conc/internal/spin_lock.hpp"

#include <sched.h>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

void SpinLock::lock_slow() noexcept {
    constexpr int kSpins = 64;
    for (int spins = 0;; ++spins) {
        // relaxed: only a hint that the exchange has a chance.
        if (!locked_.load(kRelaxed) && !locked_.exchange(true, kAcquire)) {
            return;
        }
        if (spins < kSpins) {
            cpu_relax();
        } else {
            // The holder may have lost its processor; with more threads than cores spinning would only keep it off.
            ::sched_yield();
        }
    }
}

}  // namespace mynah::conc::internal
