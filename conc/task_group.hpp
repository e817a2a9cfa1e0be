// task_group.hpp -- tasks that succeed or fail together.            Go: golang.org/x/sync/errgroup
//
// What     TaskGroup group(ctx); group.go(fn, args...); const auto error = co_await group.wait(). fn returns a
//          Task<std::error_code>, or a Task<void> that can only fail by throwing. The first failure cancels
//          group.context(), which the others watch, and is what wait() returns or rethrows.
//          with_task_group(ctx, body) runs body(&group), and joins the group on every way out of it.
// Threads  every member, from any worker.
// Order    the end of each task synchronizes-before the return of wait().
// Resume   on the scheduler.
// Cancel   the group's context is cancelled with its parent, with the first failure, and when wait() has returned.
// Errors   wait() returns the error that came first; where that was an exception, it rethrows it.
// Cost     a WaitGroup and a context; each task as with go().
// Lifetime wait() must have ended after the last go() before the group is destroyed: else that is fatal, as with a
//          std::thread that was not joined. with_task_group sees to it.
// Differs  from errgroup: an exception is a failure too, where Go's panic ends the program. There is no SetLimit and no
//          TryGo: a Semaphore that is acquired before go() and released by the task limits their number.
#pragma once

#include <exception>
#include <functional>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>

#include "conc/context.hpp"
#include "conc/go.hpp"
#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"

namespace mynah::conc {
namespace internal {

template <class Fn, class... Args>
concept GroupMember =
    Spawnable<Fn, Args...> ||
    std::is_same_v<std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>, Task<std::error_code>>;

}  // namespace internal

class TaskGroup {
  public:
    explicit TaskGroup(const Context& parent) : scope_(with_cancel_cause(parent)) {}
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();

    /// Cancelled as soon as a task of the group has failed; its error, or that of a std::system_error, is the cause.
    const Context& context() const noexcept { return scope_.ctx; }

    // As conc::go. One overload for each number of arguments, so that dumps know where the task was started.
    template <class Fn>
        requires internal::GroupMember<Fn>
    void go(Fn&& fn, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn));
    }
    template <class Fn, class A>
        requires internal::GroupMember<Fn, A>
    void go(Fn&& fn, A&& a, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a));
    }
    template <class Fn, class A, class B>
        requires internal::GroupMember<Fn, A, B>
    void go(Fn&& fn, A&& a, B&& b, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b));
    }
    template <class Fn, class A, class B, class C>
        requires internal::GroupMember<Fn, A, B, C>
    void go(Fn&& fn, A&& a, B&& b, C&& c, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c));
    }
    template <class Fn, class A, class B, class C, class D>
        requires internal::GroupMember<Fn, A, B, C, D>
    void go(Fn&& fn, A&& a, B&& b, C&& c, D&& d, std::source_location where = std::source_location::current()) {
        start(where, std::forward<Fn>(fn), std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
              std::forward<D>(d));
    }
    /// For five arguments and more; such a task is listed without the place of the call.
    template <class Fn, class... Args>
        requires(sizeof...(Args) > 4 && internal::GroupMember<Fn, Args...>)
    void go(Fn&& fn, Args&&... args) {
        start(std::source_location(), std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// co_await: the first error once every task has ended; empty where all succeeded.
    Task<std::error_code> wait();

    /// What a task that fails does; for a failure that is seen outside of the group's tasks.
    void fail(std::error_code error, std::exception_ptr thrown = nullptr) noexcept;

  private:
    template <class Fn, class... Args>
    void start(std::source_location where, Fn&& fn, Args&&... args) {
        // ordered by the counter: wait() sees it before its own store
        const bool joined = joined_.exchange(false, internal::kRelaxed);
        try {
            tasks_.start(where, &attempt<std::decay_t<Fn>, std::decay_t<Args>...>, this, std::forward<Fn>(fn),
                         std::forward<Args>(args)...);
        } catch (...) {
            joined_.store(joined, internal::kRelaxed);  // nothing was started: the group is what it was
            throw;
        }
    }

    template <class Fn, class... Args>
    static Task<void> attempt(TaskGroup* group, Fn fn, Args... args) {
        try {
            if constexpr (internal::Spawnable<Fn, Args...>) {
                co_await std::invoke(std::move(fn), std::move(args)...);
            } else {
                const std::error_code error = co_await std::invoke(std::move(fn), std::move(args)...);
                group->fail(error);
            }
        } catch (const std::system_error& error) {
            group->fail(error.code(), std::current_exception());
        } catch (...) {
            group->fail({}, std::current_exception());
        }
    }

    template <class Fn>
    friend Task<std::error_code> with_task_group(Context parent, Fn body);

    CancelableContext scope_;
    WaitGroup tasks_;
    internal::Atomic<bool> joined_{true};  // every task that was started was waited for
    internal::SpinLock lock_;
    bool failed_ MYNAH_GUARDED_BY(lock_) = false;
    std::error_code error_ MYNAH_GUARDED_BY(lock_);
    std::exception_ptr thrown_ MYNAH_GUARDED_BY(lock_);
};

/// co_await: runs body(TaskGroup*), which returns a Task as a member of the group does, and waits for the group: also
/// where body fails, which counts like the failure of a task.
template <class Fn>
Task<std::error_code> with_task_group(Context parent, Fn body) {
    TaskGroup group(parent);
    co_await TaskGroup::attempt(&group, std::ref(body), &group);  // what the body captured outlives its tasks
    const std::error_code error = co_await group.wait();
    co_return error;
}

}  // namespace mynah::conc
