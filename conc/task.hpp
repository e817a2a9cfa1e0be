// task.hpp -- a coroutine that runs when it is awaited.             Go: the body of a goroutine, or a call made in one
//
// What     Task<T> is lazy: co_await runs it in the awaiting task, without a queue; go() starts it as a task of its
//          own.
// Threads  a Task is moved and awaited by one task at a time; it may go on on another worker after each await.
// Order    everything before the co_await happens before the body; the body's end happens before the await returns.
// Resume   the awaiting coroutine goes on at once, on the same worker.
// Cancel   destroying a Task that is suspended destroys its frame: every waiter in it leaves its queue first.
// Errors   an exception that leaves the body is rethrown by co_await.
// Cost     one frame from the pool; no allocation, lock or atomic to await a child.
// Differs  from Go: stackless, so only a coroutine can park.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "conc/internal/promise.hpp"

namespace mynah::conc {

template <class T = void>
class Task;

namespace internal {

template <class T>
struct TaskPromise : PromiseBase {
    static_assert(alignof(T) <= alignof(std::max_align_t),
                  "a task's result is not over-aligned: frames are not either");

    Task<T> get_return_object(std::source_location where = std::source_location::current()) noexcept;
    template <class U>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& result) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (error) {
            std::rethrow_exception(error);
        }
        return std::move(*value);
    }

    std::optional<T> value;
};

template <class T>
struct TaskPromise<T&> : PromiseBase {
    Task<T&> get_return_object(std::source_location where = std::source_location::current()) noexcept;
    void return_value(T& result) noexcept { value = &result; }
    T& take() {
        if (error) {
            std::rethrow_exception(error);
        }
        return *value;
    }

    T* value = nullptr;
};

template <>
struct TaskPromise<void> : PromiseBase {
    Task<void> get_return_object(std::source_location where = std::source_location::current()) noexcept;
    void return_void() const noexcept {}
    void take() const {
        if (error) {
            std::rethrow_exception(error);
        }
    }
};

}  // namespace internal

template <class T>
class [[nodiscard]] Task {
  public:
    using promise_type = internal::TaskPromise<T>;
    using value_type = T;

    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            reset();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~Task() { reset(); }

    /// False once the task has been moved from.
    explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

    class Awaiter {
      public:
        explicit Awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
        bool await_ready() const noexcept { return false; }

        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) const noexcept {
            internal::PromiseBase& outer = caller.promise();
            promise_type& inner = frame_.promise();
            inner.record = outer.record;
            inner.caller = &outer;
            return internal::transfer(*inner.record, frame_);
        }

        T await_resume() const { return frame_.promise().take(); }

      private:
        std::coroutine_handle<promise_type> frame_;
    };

    /// Runs the task. The Task must live until the await returns, as a temporary in the same expression does.
    Awaiter operator co_await() const noexcept { return Awaiter(frame_); }

    /// For the scheduler: the coroutine behind this task.
    std::coroutine_handle<promise_type> frame() const noexcept { return frame_; }
    /// The same, which is the caller's to destroy from now on.
    std::coroutine_handle<promise_type> release() noexcept { return std::exchange(frame_, nullptr); }

  private:
    friend promise_type;
    explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    void reset() noexcept {
        if (frame_) {
            std::exchange(frame_, nullptr).destroy();
        }
    }

    std::coroutine_handle<promise_type> frame_;
};

namespace internal {

template <class T>
Task<T> TaskPromise<T>::get_return_object(std::source_location where) noexcept {
    site = where;
    return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

template <class T>
Task<T&> TaskPromise<T&>::get_return_object(std::source_location where) noexcept {
    site = where;
    return Task<T&>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object(std::source_location where) noexcept {
    site = where;
    return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace internal
}  // namespace mynah::conc
