// wait_group.hpp -- waits until a number of tasks have ended.       Go: sync.WaitGroup
//
// What     add(n), done(), co_await wait(); go(fn, args...) starts a task that is counted from before it starts until
//          after it has ended, so that the usual mistake (add inside of the task) cannot be made.
// Threads  every member, from any worker.
// Order    a done() synchronizes-before the return of the wait() that it unblocks.
// Resume   on the scheduler; all waiters wake when the count reaches zero.
// Cancel   cancel-safe.
// Errors   Panic where the count would fall below zero.
// Cost     one short lock.
// Lifetime it may be destroyed as soon as wait() has returned: the last done() touches it no more. It may be reused.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <source_location>
#include <utility>

#include "conc/go.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

class WaitGroup {
  public:
    class [[nodiscard]] WaitAwaiter {
      public:
        explicit WaitAwaiter(WaitGroup& group) noexcept : group_(group) {}
        ~WaitAwaiter();
        WaitAwaiter(const WaitAwaiter&) = delete;
        WaitAwaiter& operator=(const WaitAwaiter&) = delete;

        // Leaves the group locked where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS;
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
            waiter_.task = &internal::park(where, internal::WaitReason::wait_group);
            WaitGroup& group = group_;
            group.waiters_.push(waiter_);
            group.lock_.unlock();  // the task may run elsewhere from here on
        }
        void await_resume() noexcept { waiter_.task = nullptr; }

      private:
        WaitGroup& group_;
        internal::Waiter waiter_;
    };

    WaitGroup() = default;
    WaitGroup(const WaitGroup&) = delete;
    WaitGroup& operator=(const WaitGroup&) = delete;

    void add(std::int64_t count);
    void done() { add(-1); }

    /// co_await: returns once the count is zero.
    WaitAwaiter wait() noexcept { return WaitAwaiter(*this); }

    // conc::go with add(1) before and done() after. One overload for each number of arguments, as for conc::go.
    template <class Fn>
    void go(Fn&& fn, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn));
    }
    template <class Fn, class A>
        requires internal::Spawnable<Fn, A>
    void go(Fn&& fn, A&& a, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a));
    }
    template <class Fn, class A, class B>
        requires internal::Spawnable<Fn, A, B>
    void go(Fn&& fn, A&& a, B&& b, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b));
    }
    template <class Fn, class A, class B, class C>
        requires internal::Spawnable<Fn, A, B, C>
    void go(Fn&& fn, A&& a, B&& b, C&& c, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
    }
    template <class Fn, class... Args>
        requires(sizeof...(Args) > 3 && internal::Spawnable<Fn, Args...>)
    void go(Fn&& fn, Args&&... args) {
        start(std::source_location(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

  private:
    template <class Fn, class... Args>
    void start(std::source_location where, Fn&& fn, Args&&... args) {
        add(1);
        try {
            internal::spawn(where, &run<std::decay_t<Fn>, std::decay_t<Args>...>, this, std::forward<Fn>(fn),
                            std::forward<Args>(args)...);
        } catch (...) {
            done();
            throw;
        }
    }

    template <class Fn, class... Args>
    static Task<void> run(WaitGroup* group, Fn fn, Args... args) {
        // Not where an exception leaves: it ends the program, and nobody should go on before that.
        struct Done {
            WaitGroup& group;
            const int exceptions = std::uncaught_exceptions();
            ~Done() {
                if (std::uncaught_exceptions() == exceptions) {
                    group.done();
                }
            }
        };
        const Done done{*group};
        co_await run_owned(std::move(fn), std::move(args)...);  // its frame, and fn with it, is gone before done()
    }

    template <class Fn, class... Args>
    static Task<void> run_owned(Fn fn, Args... args) {
        co_await std::invoke(std::move(fn), std::move(args)...);
    }

    internal::SpinLock lock_;
    std::int64_t count_ MYNAH_GUARDED_BY(lock_) = 0;
    internal::WaiterList waiters_ MYNAH_GUARDED_BY(lock_);
};

}  // namespace mynah::conc
