// atomic.hpp -- the one door to atomics, so that a model checker can stand in for them.
#pragma once

#include <atomic>

namespace mynah::conc::internal {

template <class T>
using Atomic = std::atomic<T>;

using Order = std::memory_order;
inline constexpr Order kRelaxed = std::memory_order_relaxed;
inline constexpr Order kAcquire = std::memory_order_acquire;
inline constexpr Order kRelease = std::memory_order_release;
inline constexpr Order kAcqRel = std::memory_order_acq_rel;
inline constexpr Order kSeqCst = std::memory_order_seq_cst;

/// Store-load barrier for the pairs "publish work, look for sleepers" and "go to sleep, look for work".
inline void fence_seq_cst() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// The reader's half of a barrier whose other half is a system call that interrupts the reader's processor: keeps the
/// compiler from moving a load above a store, and costs nothing.
inline void fence_compiler() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// Tells the processor that this thread spins.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

}  // namespace mynah::conc::internal
