// scheduler_core.hpp -- what the workers share.                     Go: runtime.schedt
//
// Invariants of the idle protocol (a push and a worker that goes to sleep never miss each other):
// - Who publishes work calls notify_one() after it; who goes to sleep lists itself as idle and then looks at every
//   queue once more. Both put a full barrier between their two steps.
// - At most one worker searches. While it does, notify_one() wakes nobody: when the search ends the searcher looks at
//   every queue again, or, having found work, passes the search on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "conc/hog.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/monitor.hpp"
#include "conc/internal/run_queue.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/worker.hpp"
#include "conc/scheduler.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc::internal {

class Background;

class SchedulerCore {
  public:
    explicit SchedulerCore(Options options);
    ~SchedulerCore();
    SchedulerCore(const SchedulerCore&) = delete;
    SchedulerCore& operator=(const SchedulerCore&) = delete;

    /// Runs `main` and everything that it starts; returns when it has ended and all workers have stopped.
    void run(std::unique_ptr<TaskRecord> main);

    /// Ends run(): no worker begins another task.
    void stop() noexcept;
    bool stopping() const noexcept { return stopping_.load(kAcquire); }

    bool simulated() const noexcept { return options_.seed.has_value(); }
    std::size_t worker_count() const noexcept { return workers_.size(); }
    Worker& worker(std::size_t index) const noexcept { return *workers_[index]; }
    TimePoint now() const noexcept;

    // Work for whoever is free.
    void push_global(TaskRecord& task) noexcept;  // from any thread; wakes a worker
    void push_global(TaskList& tasks) noexcept;   // leaves the list empty
    void push_global_quietly(TaskRecord& task) noexcept;
    TaskRecord* pop_global() noexcept;
    /// Takes one worker's share of the queue, at most `room`, if there is any.
    void pop_global(TaskList& share, std::size_t room) noexcept;
    bool global_empty() const noexcept { return global_size_.load(kAcquire) == 0; }
    void notify_one() noexcept;

    // The idle protocol.
    bool begin_search() noexcept;
    void end_search() noexcept { searching_.store(0, kSeqCst); }
    void enter_idle(Worker& worker) noexcept;
    void leave_idle(Worker& worker) noexcept;
    bool any_work() const noexcept;
    std::size_t idle_count() const noexcept { return idle_count_.load(kRelaxed); }
    const HogRecord& hogs() const noexcept { return hogs_; }
    bool monitored() const noexcept { return monitor_ != nullptr; }
    void check_deadlock() noexcept;

    /// Counts what will wake a task from outside of every worker: a blocking call, an Asio operation.
    void external_begins() noexcept { external_.fetch_add(1, kSeqCst); }
    void external_ends() noexcept;

    std::size_t task_count() const noexcept;
    std::uint64_t reserve_ids(std::uint64_t count) noexcept { return next_id_.fetch_add(count, kRelaxed); }

    // For dumps: stops all workers between two tasks.
    void pause_workers() noexcept;
    void resume_workers() noexcept;
    bool pausing() const noexcept { return pausing_.load(kSeqCst) != 0; }
    void wait_until_resumed() const noexcept;

    /// The threads behind blocking() and use_task; started on first use.
    Background& background();

    const Options& options() const noexcept { return options_; }
    std::vector<TaskInfo>& abandoned() noexcept { return abandoned_; }

  private:
    std::exception_ptr run_threads();  // what kept a thread from starting, if anything did
    void reset_workers() noexcept;
    void run_simulated();
    bool advance_simulation();
    void clean_up();
    void destroy_tasks() noexcept;
    void forget_queued() noexcept;

    Options options_;
    std::vector<std::unique_ptr<Worker>> workers_;
    Random random_;

    SpinLock global_lock_;
    TaskList global_ MYNAH_GUARDED_BY(global_lock_);
    Atomic<std::size_t> global_size_{0};  // written under global_lock_

    SpinLock idle_lock_;
    std::vector<Worker*> idle_ MYNAH_GUARDED_BY(idle_lock_);
    Atomic<std::uint32_t> idle_count_{0};  // written under idle_lock_
    Atomic<std::uint32_t> searching_{0};

    Atomic<bool> stopping_{false};
    Atomic<bool> running_{false};
    Atomic<std::int64_t> external_{0};
    Atomic<std::uint64_t> next_id_{1};
    Atomic<std::int64_t> simulated_now_ns_{0};

    std::mutex pause_mutex_;  // one pause at a time; held by a dumper, never by a worker that runs tasks
    Atomic<std::uint32_t> pausing_{0};

    std::mutex background_mutex_;
    std::unique_ptr<Background> background_;
    std::vector<TaskInfo> abandoned_;
    HogRecord hogs_;                    // of the current or the last run
    std::unique_ptr<Monitor> monitor_;  // of the current run
};

}  // namespace mynah::conc::internal
