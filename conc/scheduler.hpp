// scheduler.hpp -- runs tasks on a few threads.                    Go: the runtime's G, M and P
//
// What     Scheduler(options).run(task): runs the main task and all that it starts, and returns the main task's result.
// Threads  run: from one thread at a time, which becomes worker 0; now, task_count and dump: from any thread.
// Order    what happens before run() happens before the main task; the main task's end happens before run() returns.
// Resume   not applicable.
// Cancel   tasks that still live when the main task ends are destroyed where they are suspended; abandoned() names
//          them.
// Errors   an exception that leaves the main task is rethrown by run(). When every task waits and nothing can wake any,
//          the program ends: "all tasks are asleep - deadlock", with the dump.
// Cost     idle workers sleep in their EventSource and use no processor time.
// Differs  from Go: tasks are not preempted; one that never awaits keeps its worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/hog.hpp"
#include "conc/task.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc {

/// All that a run depends on besides its tasks.
struct Options {
    std::size_t workers = 0;               // 0: as many as the machine has processors
    std::size_t blocking_threads = 4;      // for blocking(); started on first use
    EventSourceFactory event_source = {};  // makes one for each worker; empty: make_futex_event_source
    // Set: a simulated run. All workers are virtual and take turns on the calling thread, every choice is drawn from
    // the seed, and time stands still until every task waits, then jumps to the nearest deadline.
    std::optional<std::uint64_t> seed = std::nullopt;
    bool virtual_time = false;  // a simulated run without a seed of your own: Scheduler::seed() says which was drawn
    // See hog.hpp; zero: nobody watches, and workers are woken for the shortest of tasks. Not in simulated runs.
    Duration hog_limit = std::chrono::milliseconds(10);
    std::function<void(const Hog&)> on_hog = {};  // called once for each hog, on a thread of its own
};

namespace internal {
class SchedulerCore;

/// Owns the main task's record and result; the part of run() that does not depend on T.
void run_main(SchedulerCore& core, PromiseBase& promise);
}  // namespace internal

class Scheduler {
  public:
    explicit Scheduler(Options options = {});
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    template <class T>
    T run(Task<T> main) {
        internal::run_main(*core_, main.frame().promise());
        return main.frame().promise().take();
    }

    /// Tasks that live now, the main task among them.
    std::size_t task_count() const noexcept;

    /// Tasks that the last run() had to destroy because they had not ended with the main task.
    const std::vector<TaskInfo>& abandoned() const noexcept;

    /// The seed of simulated runs; with it, another run repeats this one.
    std::optional<std::uint64_t> seed() const noexcept;

    /// How many tasks have kept a worker for longer than Options::hog_limit, in this or the last run.
    std::uint64_t hog_count() const noexcept;
    /// The latest 64 of them.
    std::vector<Hog> hogs() const;

    /// For the functions of conc that act on "the current scheduler".
    internal::SchedulerCore& core() const noexcept { return *core_; }

  private:
    std::unique_ptr<internal::SchedulerCore> core_;
};

/// The current scheduler's time; steady_clock's outside of a scheduler.
TimePoint now() noexcept;

}  // namespace mynah::conc
