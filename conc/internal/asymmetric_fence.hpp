// asymmetric_fence.hpp -- a store-load barrier between a side that passes it often and one that does rarely.
//
// What     of two threads of which one stores, passes fence_light() and loads, and the other stores, passes
//          fence_heavy() and loads, at least one sees the other's store.
// Threads  both, from any.
// Cost     fence_light: nothing but an order for the compiler. fence_heavy: a system call (membarrier) that interrupts
//          the processors on which other threads of the program run. Where the kernel has none, each is a full fence.
#pragma once

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

/// Whether the kernel interrupts the light side for us. Asks it once.
bool has_membarrier() noexcept;

/// False where the kernel refuses what it has promised.
[[nodiscard]] bool fence_heavy() noexcept;

/// `interrupted` is what has_membarrier() says, kept by who passes here often.
inline void fence_light(bool interrupted) noexcept {
    if (interrupted) [[likely]] {
        fence_compiler();
    } else {
        fence_seq_cst();
    }
}

}  // namespace mynah::conc::internal
