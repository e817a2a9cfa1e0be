// go.hpp -- starts a function as a task of its own.                 Go: the go statement
//
// What     go(fn, args...): fn(args...) returns a Task<void>, which runs beside the caller.
// Threads  from any task.
// Order    what the caller did before go() happens before fn's first line.
// Resume   the caller goes on at once; the new task waits for its turn at the end of the local queue.
// Cancel   not applicable.
// Errors   Panic outside of a task. An exception that leaves fn ends the program, with the task's await chain. So does
//          one that fn(args...) throws before there is a task: it is called when the new task has its first turn.
// Cost     one allocation for the record with fn and args, and at the first turn one for fn's frame; both from pools.
//          An atomic read-modify-write for one task in 16, and a short lock where the local queue is full.
// Differs  fn and args are decay-copied into the task and live as long as it does, so a capturing lambda is safe here.
//          As with std::thread, a reference is passed with std::ref.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include "conc/internal/task_record.hpp"
#include "conc/task.hpp"

namespace mynah::conc {
namespace internal {

template <class Fn, class... Args>
concept Spawnable = std::is_same_v<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>, Task<void>>;

/// Takes ownership of the record and queues it as a new task of the current worker.
void start_task(std::unique_ptr<TaskRecord> task, std::source_location where);

[[noreturn]] void die_of_exception(const TaskRecord& task, const std::exception_ptr& error) noexcept;

/// A task's record together with the closure that it runs.
template <class Fn, class... Args>
class SpawnedTask : public TaskRecord {
    static_assert(alignof(Fn) <= alignof(std::max_align_t) && ((alignof(Args) <= alignof(std::max_align_t)) && ...),
                  "what a task is started with is not over-aligned: neither records nor frames are");

  public:
    template <class F, class... A>
    explicit SpawnedTask(F&& fn, A&&... args) : fn_(std::forward<F>(fn)), args_(std::forward<A>(args)...) {}

    // The coroutine may refer to the closure, so it is destroyed first.
    ~SpawnedTask() override {
        if (leaf != nullptr) {
            root_of(*leaf).self().destroy();
        }
    }

    PromiseBase& begin() override {
        return std::apply([this](Args&... args) { return std::invoke(std::move(fn_), std::move(args)...); }, args_)
            .release()
            .promise();
    }

    AfterEnd on_finished() noexcept override {
        if (leaf->error) {
            die_of_exception(*this, leaf->error);
        }
        return {};
    }

  private:
    Fn fn_;
    std::tuple<Args...> args_;
};

template <class Fn, class... Args>
void spawn(std::source_location where, Fn&& fn, Args&&... args) {
    using Record = SpawnedTask<std::decay_t<Fn>, std::decay_t<Args>...>;
    start_task(std::make_unique<Record>(std::forward<Fn>(fn), std::forward<Args>(args)...), where);
}

}  // namespace internal

// One overload for each number of arguments: a default argument cannot follow a parameter pack, and the place of the
// call is worth having in every dump.
template <class Fn>
    requires internal::Spawnable<Fn>
void go(Fn&& fn, std::source_location where = std::source_location::current()) {
    internal::spawn(where, std::forward<Fn>(fn));
}

template <class Fn, class A>
    requires internal::Spawnable<Fn, A>
void go(Fn&& fn, A&& a, std::source_location where = std::source_location::current()) {
    internal::spawn(where, std::forward<Fn>(fn), std::forward<A>(a));
}

template <class Fn, class A, class B>
    requires internal::Spawnable<Fn, A, B>
void go(Fn&& fn, A&& a, B&& b, std::source_location where = std::source_location::current()) {
    internal::spawn(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b));
}

template <class Fn, class A, class B, class C>
    requires internal::Spawnable<Fn, A, B, C>
void go(Fn&& fn, A&& a, B&& b, C&& c, std::source_location where = std::source_location::current()) {
    internal::spawn(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
}

template <class Fn, class A, class B, class C, class D>
    requires internal::Spawnable<Fn, A, B, C, D>
void go(Fn&& fn, A&& a, B&& b, C&& c, D&& d, std::source_location where = std::source_location::current()) {
    internal::spawn(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                    std::forward<D>(d));
}

/// For five arguments and more; such a task is listed without the place of the call.
template <class Fn, class... Args>
    requires(sizeof...(Args) > 4 && internal::Spawnable<Fn, Args...>)
void go(Fn&& fn, Args&&... args) {
    internal::spawn(std::source_location(), std::forward<Fn>(fn), std::forward<Args>(args)...);
}

}  // namespace mynah::conc
