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
// Lifetime longer than its guards. Whoever has locked it last may destroy it as soon as it has unlocked.
// Differs  from Go: always as fair as Go's mutex is after 1 ms of waiting (starvation mode).
#pragma once

#include <coroutine>
#include <utility>

#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

/// Invariants:
/// - unlock() hands a locked mutex to the waiter that has waited longest, whose `slot` then points to the mutex, and
///   which is `handed_to_` until its task has run. The two let go of each other when the scheduler destroys them, in
///   whatever order: a waiter that never ran gives the mutex on, if it is still there.
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
            if (waiter_.task != nullptr) {
                mutex_.arrived(waiter_);
            }
            return Guard(mutex_);
        }

      private:
        Mutex& mutex_;
        internal::Waiter waiter_;
    };

    Mutex() = default;
    ~Mutex();
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    /// co_await: the Guard.
    LockAwaiter lock() noexcept { return LockAwaiter(*this); }
    /// True where it locked; unlock() is the caller's to call then, or Guard's to whom it is given.
    bool try_lock() noexcept;
    void unlock() noexcept;

  private:
    friend class Cond;

    /// Locks for each of the waiters, at once or in its turn, in their order. Empties the list.
    void lock_for(internal::WaiterList& waiters, internal::WakeList& woken) noexcept;
    /// The waiter's task runs, and has the mutex.
    void arrived(internal::Waiter& waiter) noexcept {
        waiter.task = nullptr;
        handed_to_ = nullptr;
    }
    /// Gives up a lock() that a waiter stands for, or what it was handed. Touches no mutex that is gone.
    static void abandon(Mutex& mutex, internal::Waiter& waiter) noexcept;

    internal::SpinLock lock_;
    bool locked_ MYNAH_GUARDED_BY(lock_) = false;
    internal::WaiterList waiters_ MYNAH_GUARDED_BY(lock_);
    internal::Waiter* handed_to_ = nullptr;  // written by whoever has the mutex: it gives it to the waiter, or is it
};

}  // namespace mynah::conc
