// once.hpp -- does something the first time, for everybody.         Go: sync.Once, sync.OnceValue
//
// What     co_await once.run(fn) runs fn where nobody has before; OnceValue<T> lazy(fn): T& v = co_await lazy.get().
//          fn returns its result or a Task of it.
// Threads  every member, from any worker.
// Order    the end of fn synchronizes-before the return of every run() and get().
// Resume   callers that came while fn ran wait without blocking their worker.
// Cancel   cancel-safe for who waits; where the task that runs fn is destroyed, fn counts as done.
// Errors   Once counts as done even when fn throws: the exception goes to the caller that ran it. OnceValue repeats the
//          same exception on every call.
// Cost     one atomic load once it is done.
// Differs  OnceValue releases fn after the first call. Once::run called from inside of fn waits for ever, as in Go.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"
#include "conc/task.hpp"

namespace mynah::conc {
namespace internal {

/// The gate that lets one caller through and keeps the others waiting until it has finished.
class OnceGate {
  public:
    enum class Pass { first, done };

    /// co_await: `first` for exactly one caller, who must call finish(); `done` for everybody else.
    class [[nodiscard]] PassAwaiter {
      public:
        explicit PassAwaiter(OnceGate& gate) noexcept : gate_(gate) {}
        ~PassAwaiter();
        PassAwaiter(const PassAwaiter&) = delete;
        PassAwaiter& operator=(const PassAwaiter&) = delete;

        // Leaves the gate locked where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS;
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
            waiter_.task = &park(where, WaitReason::once);
            OnceGate& gate = gate_;
            gate.waiters_.push(waiter_);
            gate.lock_.unlock();  // the task may run elsewhere from here on
        }
        Pass await_resume() noexcept {
            waiter_.task = nullptr;
            return pass_;
        }

      private:
        OnceGate& gate_;
        Waiter waiter_;
        Pass pass_ = Pass::done;
    };

    PassAwaiter pass() noexcept { return PassAwaiter(*this); }
    bool done() const noexcept {
        return done_.load(kAcquire);
    }  // acquire: pairs with finish(), so fn's work is visible
    void finish() noexcept;

  private:
    SpinLock lock_;
    bool begun_ MYNAH_GUARDED_BY(lock_) = false;
    WaiterList waiters_ MYNAH_GUARDED_BY(lock_);
    Atomic<bool> done_{false};
};

struct FinishGate {
    OnceGate& gate;
    ~FinishGate() { gate.finish(); }
};

/// co_await: ready at once where the gate is passed already, else what the Task that `start` makes does.
template <class Start>
class [[nodiscard]] OnceCall {
  public:
    OnceCall(const OnceGate& gate, Start start) : gate_(gate), start_(std::move(start)) {}
    OnceCall(const OnceCall&) = delete;
    OnceCall& operator=(const OnceCall&) = delete;

    bool await_ready() const noexcept { return gate_.done(); }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) {
        call_.emplace(start_());
        return call_->operator co_await().await_suspend(caller);
    }
    void await_resume() const {
        if (call_) {
            call_->frame().promise().take();
        }
    }

  private:
    const OnceGate& gate_;
    Start start_;
    std::optional<Task<void>> call_;
};

template <class Fn>
inline constexpr bool kReturnsTask = requires(std::invoke_result_t<Fn> result) { result.frame(); };

}  // namespace internal

class Once {
  public:
    /// co_await: returns once fn, or the fn of whoever came first, has ended.
    template <class Fn>
    auto run(Fn fn) {
        auto start = [this, held = std::move(fn)]() mutable { return first_run(&gate_, std::move(held)); };
        return internal::OnceCall<decltype(start)>(gate_, std::move(start));
    }

    bool done() const noexcept { return gate_.done(); }

  private:
    template <class Fn>
    static Task<void> first_run(internal::OnceGate* gate, Fn fn) {
        const auto pass = co_await gate->pass();
        if (pass == internal::OnceGate::Pass::done) {
            co_return;
        }
        const internal::FinishGate finish{*gate};
        if constexpr (internal::kReturnsTask<Fn&>) {
            co_await fn();
        } else {
            fn();
        }
    }

    internal::OnceGate gate_;
};

template <class T>
class OnceValue {
  public:
    /// fn: T() or Task<T>().
    template <class Fn>
    explicit OnceValue(Fn fn) : make_(wrap(std::move(fn))) {}

    /// co_await: the value, made by the first caller.
    Task<std::add_lvalue_reference_t<T>> get() {
        const auto pass = co_await gate_.pass();
        if (pass == internal::OnceGate::Pass::first) {
            const internal::FinishGate finish{gate_};
            Maker make = std::exchange(make_, nullptr);
            try {
                value_.emplace(co_await make());
            } catch (...) {
                error_ = std::current_exception();
            }
        }
        if (error_) {
            std::rethrow_exception(error_);
        }
        if (!value_) {
            throw Panic("the task that made this value was destroyed before it had finished");
        }
        co_return *value_;
    }

    /// The value, where it has been made; nullptr otherwise. Makes nothing.
    T* peek() noexcept { return gate_.done() && value_ ? &*value_ : nullptr; }

  private:
    using Maker = std::move_only_function<Task<T>()>;

    template <class Fn>
    static Maker wrap(Fn fn) {
        if constexpr (internal::kReturnsTask<Fn&>) {
            return Maker(std::move(fn));
        } else {
            return [held = std::move(fn)]() mutable -> Task<T> { return call(&held); };
        }
    }
    template <class Fn>
    static Task<T> call(Fn* fn) {
        co_return (*fn)();
    }

    internal::OnceGate gate_;
    Maker make_;              // used by the caller that passes first, and by nobody after it
    std::optional<T> value_;  // written before the gate opens, constant afterwards
    std::exception_ptr error_;
};

}  // namespace mynah::conc
