// mutex.hpp -- mutual exclusion between tasks.                      Go: sync.Mutex
//
// What     auto guard = co_await mutex.lock(); the guard unlocks at the end of its scope. try_lock() and unlock() by
//          hand.
// Threads  every member, from any worker; whoever unlocks need not be who locked.
// Order    the n-th unlock() synchronizes-before the return of the (n+1)-th lock().
// Resume   on the scheduler, in order of arrival: unlock() hands the lock to the task that has waited longest.
// Cancel   cancel-safe.
// Errors   unlock of an unlocked mutex is fatal.
// Cost     one short lock each.
// Differs  from Go: always as fair as Go's mutex is after 1 ms of waiting (starvation mode).
#pragma once

#include <coroutine>
#include <utility>

#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

class Mutex {
  public:
    /// Holds the lock; unlocks when destroyed.
    class [[nodiscard]] Guard {
      public:
        explicit Guard(Mutex& mutex) noexcept : mutex_(&mutex) {}
        Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Guard& operator=(Guard&& other) noexcept {
            if (this != &other) {
                unlock();
                mutex_ = std::exchange(other.mutex_, nullptr);
            }
            return *this;
        }
        ~Guard() { unlock(); }

        bool holds(const Mutex& mutex) const noexcept { return mutex_ == &mutex; }

        void unlock() noexcept {
            if (Mutex* mutex = std::exchange(mutex_, nullptr); mutex != nullptr) {
                mutex->unlock();
            }
        }

      private:
        friend class Cond;
        void release() noexcept { mutex_ = nullptr; }

        Mutex* mutex_;
    };

    class [[nodiscard]] LockAwaiter {
      public:
        explicit LockAwaiter(Mutex& mutex) noexcept : mutex_(mutex) {}
        ~LockAwaiter();
        LockAwaiter(const LockAwaiter&) = delete;
        LockAwaiter& operator=(const LockAwaiter&) = delete;

        // Leaves the inner lock held where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS;
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
            waiter_.task = &internal::park(where, internal::WaitReason::mutex_lock);
            Mutex& mutex = mutex_;
            mutex.waiters_.push(waiter_);
            mutex.lock_.unlock();  // the task may run elsewhere from here on
        }
        Guard await_resume() noexcept {
            waiter_.task = nullptr;
            return Guard(mutex_);
        }

      private:
        Mutex& mutex_;
        internal::Waiter waiter_;
    };

    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    /// co_await: the Guard.
    LockAwaiter lock() noexcept { return LockAwaiter(*this); }
    /// True where it locked; unlock() is the caller's to call then, or Guard's to whom it is given.
    bool try_lock() noexcept;
    void unlock() noexcept;

  private:
    friend class Cond;

    /// Locks for a waiter that stands in no list, at once or in its turn.
    void lock_for(internal::Waiter& waiter, internal::WakeList& woken) noexcept;
    /// Gives up a lock() that a waiter stands for, or what it was handed.
    void abandon(internal::Waiter& waiter) noexcept;

    internal::SpinLock lock_;
    bool locked_ MYNAH_GUARDED_BY(lock_) = false;
    internal::WaiterList waiters_ MYNAH_GUARDED_BY(lock_);
};

}  // namespace mynah::conc
