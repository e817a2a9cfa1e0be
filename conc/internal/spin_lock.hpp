// spin_lock.hpp -- lock for sections of a few dozen instructions that never park.
//
// What     test-and-test-and-set; after a short spin the thread yields its time slice to the holder.
// Threads  every member, from any thread.
// Lifetime unlock() is one store and touches nothing after it, so the object that holds the lock may be destroyed by
//          whoever takes the lock next. The channel, WaitGroup and select protocols rely on this.
#pragma once

#include <cstdint>

#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

class MYNAH_CAPABILITY("mutex") SpinLock {
  public:
    SpinLock() = default;
    SpinLock(const SpinLock&) = delete;
    SpinLock& operator=(const SpinLock&) = delete;

    void lock() noexcept MYNAH_ACQUIRE() {
        // acquire: pairs with the release in unlock().
        if (locked_.exchange(true, kAcquire)) {
            lock_slow();
        }
    }

    bool try_lock() noexcept MYNAH_TRY_ACQUIRE(true) { return !locked_.exchange(true, kAcquire); }

    void unlock() noexcept MYNAH_RELEASE() { locked_.store(false, kRelease); }

  private:
    void lock_slow() noexcept;

    Atomic<bool> locked_{false};
};

class MYNAH_SCOPED_CAPABILITY SpinGuard {
  public:
    explicit SpinGuard(SpinLock& lock) noexcept MYNAH_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
    ~SpinGuard() MYNAH_RELEASE() { lock_.unlock(); }
    SpinGuard(const SpinGuard&) = delete;
    SpinGuard& operator=(const SpinGuard&) = delete;

  private:
    SpinLock& lock_;
};

}  // namespace mynah::conc::internal
