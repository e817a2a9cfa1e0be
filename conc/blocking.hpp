// blocking.hpp -- calls that block, on threads of their own.        Go: the runtime does it for system calls
//
// What     auto result = co_await blocking(fn): runs fn() on a pool of threads (Options::blocking_threads).
// Threads  from any task.
// Order    the caller's past happens before fn; fn's end happens before the await returns.
// Resume   on the scheduler.
// Cancel   not cancel-safe: fn runs to its end. The scheduler's run() waits for the calls under way before it returns.
// Errors   an exception that leaves fn is rethrown by the await.
// Cost     two thread hand-overs and an allocation.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "conc/internal/promise.hpp"

namespace mynah::conc {
namespace internal {

/// Runs `work` on the pool, then makes `task` ready.
void run_blocking(TaskRecord& task, std::move_only_function<void()> work);

template <class Fn>
class [[nodiscard]] BlockingAwaiter {
    using Result = std::invoke_result_t<Fn&>;

  public:
    explicit BlockingAwaiter(Fn fn) : fn_(std::move(fn)) {}
    BlockingAwaiter(const BlockingAwaiter&) = delete;
    BlockingAwaiter& operator=(const BlockingAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) {
        run_blocking(park(where, WaitReason::blocking), [this] {
            try {
                if constexpr (std::is_void_v<Result>) {
                    fn_();
                } else {
                    result_.emplace(fn_());
                }
            } catch (...) {
                error_ = std::current_exception();
            }
        });
    }

    Result await_resume() {
        if (error_) {
            std::rethrow_exception(error_);
        }
        if constexpr (!std::is_void_v<Result>) {
            return std::move(*result_);
        }
    }

  private:
    struct Nothing {};
    Fn fn_;
    std::optional<std::conditional_t<std::is_void_v<Result>, Nothing, Result>> result_;
    std::exception_ptr error_;
};

}  // namespace internal

template <class Fn>
internal::BlockingAwaiter<std::decay_t<Fn>> blocking(Fn&& fn) {
    return internal::BlockingAwaiter<std::decay_t<Fn>>(std::forward<Fn>(fn));
}

}  // namespace mynah::conc
