// cond.hpp -- waits until another task says that something changed. Go: sync.Cond
//
// What     Cond cond(mutex); with a guard of that mutex: while (!condition) { co_await cond.wait(guard); }. wait()
//          gives the mutex up and has it again when it returns. signal() wakes the task that has waited longest,
//          broadcast() all of them.
// Threads  every member, from any worker; signal() and broadcast() with or without the mutex.
// Order    a signal() or broadcast() synchronizes-before the return of the wait() that it ends.
// Resume   on the scheduler, once the mutex is the task's: one that is woken queues for it behind those who wait for it
//          already, and does not run before.
// Cancel   cancel-safe: the guard of a wait that is destroyed holds nothing.
// Errors   Panic where the guard does not hold this Cond's mutex, and where it got another lock while the wait lasted:
//          it is wait()'s until that returns.
// Cost     two short locks; a wake-up costs no extra turn to take the mutex.
// Lifetime the mutex must outlive the Cond. Whoever was woken may destroy both: the signal() or broadcast() that woke
//          it touches them no more.
// Differs  from Go: as there, no wake-up is spurious, but another task may have changed the condition back.
#pragma once

#include <coroutine>

#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/mutex.hpp"

namespace mynah::conc {

class Cond {
    struct CondWaiter final : internal::Waiter {
        bool at_mutex = false;  // signalled: it waits for the mutex, or has it; guarded by the Cond's lock until then
    };

  public:
    class [[nodiscard]] WaitAwaiter {
      public:
        WaitAwaiter(Cond& cond, Mutex::Guard& guard) noexcept : cond_(cond), mutex_(cond.mutex_), guard_(guard) {}
        ~WaitAwaiter();
        WaitAwaiter(const WaitAwaiter&) = delete;
        WaitAwaiter& operator=(const WaitAwaiter&) = delete;

        bool await_ready() const {
            cond_.check(guard_);
            return false;
        }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.task = &internal::park(where, internal::WaitReason::cond_wait);
            queue_and_unlock();
        }
        void await_resume();

      private:
        void queue_and_unlock() noexcept;

        Cond& cond_;
        Mutex& mutex_;
        Mutex::Guard& guard_;
        CondWaiter waiter_;
    };

    explicit Cond(Mutex& mutex) noexcept : mutex_(mutex) {}
    Cond(const Cond&) = delete;
    Cond& operator=(const Cond&) = delete;

    /// co_await: `guard` holds this Cond's mutex before and after.
    WaitAwaiter wait(Mutex::Guard& guard);
    void signal() noexcept;
    void broadcast() noexcept;

  private:
    void check(const Mutex::Guard& guard) const;
    /// Takes the first waiter off, for the mutex. False where nobody waits.
    bool take_first(internal::WaiterList& taken) noexcept MYNAH_REQUIRES(lock_);

    Mutex& mutex_;
    internal::SpinLock lock_;
    internal::WaiterList waiters_ MYNAH_GUARDED_BY(lock_);
};

}  // namespace mynah::conc
