// leak_check.hpp -- a GoogleTest fixture that fails a test whose tasks outlive it.       Go: goleak
//
// What     A test of a class derived from LeakCheck runs its main task with run(). Once that has ended, the tasks that
//          can still run are let run, and each that then waits for something is a failure: it names the task, its
//          state, where it was created and where it waits.
// Threads  run: from the test's thread.
// Resume   not applicable.
// Cancel   who is left behind is destroyed where it is suspended, as by every run.
// Errors   what leaves the main task is rethrown, after the check.
// Cost     one listing of all tasks where any is left; a task that never waits and never ends keeps the test running.
// Differs  from goleak: a task that sleeps is left behind; nothing waits for it. conc.hpp does not include this header,
//          which needs GoogleTest.
#pragma once

#include <algorithm>
#include <exception>
#include <optional>
#include <ostream>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc {
namespace internal {

/// Whether any task but one, the caller, runs or could.
inline bool others_can_run() {
    if (task_count() == 1) {
        return false;
    }
    const std::vector<TaskInfo> all = tasks();
    const auto can_run = [](const TaskInfo& task) { return task.state == "running" || task.state == "runnable"; };
    return std::count_if(all.begin(), all.end(), can_run) > 1;
}

/// Runs `main`, then whoever else can run. A task that has handed over its last value has often not ended yet when the
/// receiver has.
template <class T>
Task<T> run_and_settle(Task<T> main) {
    std::exception_ptr failure;
    [[maybe_unused]] std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>> result;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(main);
        } else {
            result.emplace(co_await std::move(main));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    while (others_can_run()) {
        co_await yield();
    }
    if (failure != nullptr) {
        std::rethrow_exception(failure);
    }
    if constexpr (!std::is_void_v<T>) {
        co_return std::move(*result);
    }
}

}  // namespace internal

class LeakCheck : public testing::Test {
  public:
    /// Runs `main` on a scheduler of its own and returns its result. Every task that it started must have ended by
    /// then, or end without waiting any more.
    template <class T>
    static T run(Options options, Task<T> main) {
        struct NothingLeft {
            Scheduler scheduler;
            ~NothingLeft() {
                for (const TaskInfo& task : scheduler.abandoned()) {
                    ADD_FAILURE() << "task " << task.id << " was left behind [" << task.state << "], created at "
                                  << task.created_at.file << ':' << task.created_at.line << ", awaits "
                                  << (task.awaits.empty() ? "nothing" : task.awaits.front().function);
                }
            }
        };
        NothingLeft run{Scheduler(std::move(options))};
        return run.scheduler.run(internal::run_and_settle(std::move(main)));
    }
    template <class T>
    static T run(Task<T> main) {
        return run({}, std::move(main));
    }
};

}  // namespace mynah::conc
