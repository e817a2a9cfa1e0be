// use_task.hpp -- awaits any Asio operation from a task.            (not part of conc.hpp: it includes Asio)
//
// What     auto result = co_await timer.async_wait(conc::use_task): a std::expected of what the operation yields, or
//          its error code. conc::io_context() is the current scheduler's io_context, run by a thread of its own.
// Threads  from any task; the Asio object is used by one task at a time, as Asio asks.
// Order    the completion happens before the await returns.
// Resume   on the scheduler.
// Cancel   cancel the Asio object; the await then returns asio::error::operation_aborted. When the scheduler destroys a
//          task that waits here, the operation's handler is dropped without being called.
// Errors   the operation's std::error_code.
// Cost     one thread hand-over.
#pragma once

#include <coroutine>
#include <expected>
#include <functional>
#include <optional>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

#include <asio/async_result.hpp>
#include <asio/io_context.hpp>

#include "conc/internal/promise.hpp"

namespace mynah::conc {

struct use_task_t {};
inline constexpr use_task_t use_task{};

/// The current scheduler's io_context; Panic outside of a task.
asio::io_context& io_context();

namespace internal {

void asio_begins(TaskRecord& task) noexcept;
void asio_ends(TaskRecord& task) noexcept;
void asio_never_began(TaskRecord& task) noexcept;

/// How the arguments after the error code become one value: none, the value itself, or a tuple.
template <class... Values>
struct AsioValue {
    using type = std::tuple<Values...>;
};
template <>
struct AsioValue<> {
    using type = void;
};
template <class Value>
struct AsioValue<Value> {
    using type = Value;
};

template <class Initiation, class Args, class... Values>
class [[nodiscard]] AsioAwaiter {
  public:
    using Result = std::expected<typename AsioValue<Values...>::type, std::error_code>;

    AsioAwaiter(Initiation initiation, Args args) : initiation_(std::move(initiation)), args_(std::move(args)) {}

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) {
        task_ = &park(where, WaitReason::asio);
        asio_begins(*task_);
        // Moved here: the operation may complete, and the frame go away, before the initiation has returned.
        Initiation initiation = std::move(initiation_);
        Args held = std::move(args_);
        TaskRecord& task = *task_;
        try {
            std::apply(
                [this, &initiation](auto&... args) {
                    std::invoke(
                        std::move(initiation),
                        [this](std::error_code error, Values... values) { complete(error, std::move(values)...); },
                        std::move(args)...);
                },
                held);
        } catch (...) {
            asio_never_began(task);  // an initiation that throws calls no handler
            throw;
        }
    }

    Result await_resume() { return std::move(*result_); }

  private:
    void complete(std::error_code error, Values... values) {
        if (error) {
            result_.emplace(std::unexpected(error));
        } else {
            result_.emplace(std::in_place, std::move(values)...);
        }
        asio_ends(*task_);
    }

    Initiation initiation_;
    Args args_;
    TaskRecord* task_ = nullptr;
    std::optional<Result> result_;
};

}  // namespace internal
}  // namespace mynah::conc

/// @cond Doxygen knows no asio.
template <class... Values>
class asio::async_result<mynah::conc::use_task_t, void(std::error_code, Values...)> {
  public:
    template <class Initiation, class... Args>
    static auto initiate(Initiation initiation, mynah::conc::use_task_t /*token*/, Args... args) {
        using Held = std::tuple<std::decay_t<Args>...>;
        return mynah::conc::internal::AsioAwaiter<std::decay_t<Initiation>, Held, std::decay_t<Values>...>(
            std::move(initiation), Held(std::move(args)...));
    }
};
/// @endcond
