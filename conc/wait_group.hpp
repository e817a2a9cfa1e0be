// wait_group.hpp -- waits until a number of tasks have ended.       Go: sync.WaitGroup
//
// What     add(n), done(), co_await wait(); go(fn, args...) starts a task that is counted from before it starts until
//          after it has ended, so that the usual mistake (add inside of the task) cannot be made.
// Threads  every member, from any worker.
// Order    a done() synchronizes-before the return of the wait() that it unblocks.
// Resume   on the scheduler; all waiters wake when the count reaches zero.
// Cancel   cancel-safe.
// Errors   Panic where the count would fall below zero.
// Cost     one atomic operation for each add() and done(); a short lock where a task waits.
// Lifetime it may be destroyed as soon as wait() has returned: the last done() touches it no more. It may be reused.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include "conc/go.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

class WaitGroup {
  public:
    class [[nodiscard]] WaitAwaiter {
      public:
        explicit WaitAwaiter(WaitGroup& group) noexcept : group_(group) {}
        ~WaitAwaiter() {
            if (waiter_.task != nullptr) {
                abandon();
            }
        }
        WaitAwaiter(const WaitAwaiter&) = delete;
        WaitAwaiter& operator=(const WaitAwaiter&) = delete;

        // Leaves the group locked where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept;
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.task = &internal::park(where, internal::WaitReason::wait_group);
            WaitGroup& group = group_;
            const bool alone = group.waiters_.empty();
            group.waiters_.push(waiter_);
            group.unlock_waited(alone);  // the task may run elsewhere from here on
        }
        void await_resume() noexcept { waiter_.task = nullptr; }

      private:
        void abandon() noexcept;

        WaitGroup& group_;
        internal::Waiter waiter_;
    };

    WaitGroup() = default;
    WaitGroup(const WaitGroup&) = delete;
    WaitGroup& operator=(const WaitGroup&) = delete;

    void add(std::int64_t count) {
        if (count < 0) {
            take_away(-count);
        } else {
            // relaxed: what the new task sees is ordered by its start.
            state_.fetch_add(static_cast<std::uint64_t>(count) << kCountShift, internal::kRelaxed);
        }
    }
    void done() {
        std::uint64_t word = state_.load(internal::kRelaxed);
        // The usual case, see take_away() for the others.
        if (count_of(word) <= 1 ||
            !state_.compare_exchange_strong(word, word - (1U << kCountShift), internal::kAcqRel, internal::kRelaxed)) {
            take_away(1);
        }
    }

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
    friend class TaskGroup;

    /// A task that counts for the group until it is gone, and its closure with it: whoever waits may destroy what they
    /// refer to.
    template <class Fn, class... Args>
    class CountedTask final : public internal::SpawnedTask<Fn, Args...> {
        using Base = internal::SpawnedTask<Fn, Args...>;

      public:
        template <class F, class... A>
        explicit CountedTask(WaitGroup& group, F&& fn, A&&... args)
            : Base(std::forward<F>(fn), std::forward<A>(args)...), group_(group) {}

        // An exception that leaves the task ends the program here, and nobody goes on before that.
        typename Base::AfterEnd on_finished() noexcept override {
            Base::on_finished();
            return {.call = [](void* group) noexcept { static_cast<WaitGroup*>(group)->done(); }, .argument = &group_};
        }

      private:
        WaitGroup& group_;
    };

    template <class Fn, class... Args>
    void start(std::source_location where, Fn&& fn, Args&&... args) {
        using Record = CountedTask<std::decay_t<Fn>, std::decay_t<Args>...>;
        add(1);
        try {
            internal::start_task(std::make_unique<Record>(*this, std::forward<Fn>(fn), std::forward<Args>(args)...),
                                 where);
        } catch (...) {
            done();
            throw;
        }
    }

    // The state word: bit 0 is the lock of waiters_, bit 1 says that somebody waits, the rest is the count, a signed
    // number.
    //
    // Invariants:
    // - Somebody waits only while the count is above zero: the done() that makes it zero takes the waiters with it.
    // - That step, from one task that waits to a word of 0, is a single store, and the last access of that done(). So
    //   who sees 0 may destroy the group; who sees anything else takes the lock and looks again.
    // - The count falls to zero without the lock only where nobody waits and nobody holds it.
    static constexpr std::uint64_t kLocked = 1;
    static constexpr std::uint64_t kWaited = 2;
    static constexpr unsigned kCountShift = 2;
    static constexpr std::int64_t count_of(std::uint64_t word) {
        return static_cast<std::int64_t>(word) >> kCountShift;
    }

    void take_away(std::int64_t count);
    bool take_last(std::uint64_t taken) noexcept;
    void lock() noexcept;
    void unlock() noexcept { state_.fetch_and(~kLocked, internal::kRelease); }
    /// After a waiter was queued, the first one or a further one.
    void unlock_waited(bool first) noexcept {
        state_.fetch_sub(first ? kLocked - kWaited : kLocked, internal::kRelease);
    }

    internal::Atomic<std::uint64_t> state_{0};
    internal::WaiterList waiters_;
};

}  // namespace mynah::conc
