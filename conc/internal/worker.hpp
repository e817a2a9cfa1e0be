// worker.hpp -- one thread's share of the scheduler.                Go: runtime.p
//
// What     runs tasks one after another, from five places: the slot of the task woken last, the home queue (tasks that
//          I/O completed), the local queue, the global queue, and other workers' local queues; then sleeps in its
//          EventSource.
// Threads  members are called on the worker's own thread, except where they say otherwise.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>

#include "conc/event_source.hpp"
#include "conc/internal/asymmetric_fence.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "conc/internal/record_pool.hpp"
#include "conc/internal/run_queue.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/timer_heap.hpp"

namespace mynah::conc::internal {

class SchedulerCore;

class Worker {
  public:
    Worker(SchedulerCore& core, std::size_t index, std::uint64_t seed, std::unique_ptr<EventSource> source);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Runs tasks until the scheduler stops.
    void loop();

    /// Runs one task, if there is one here or in the global queue. For simulated runs.
    bool step();

    // What running tasks ask for.
    void enqueue(TaskRecord& task) noexcept {  // at the end of the local queue; another worker may take it
        push_local(task);
        offer_work();
    }
    // The same for the running task, which makes way. There is no more work than before: this worker takes its next
    // task from the queue, and whoever could help was woken when the others in it arrived.
    void requeue(TaskRecord& task) noexcept {
        made_way_ = true;
        push_local(task);
    }
    void run_next(TaskRecord& task) noexcept;      // in the slot of the task woken last; wakes nobody
    void enqueue_home(TaskRecord& task) noexcept;  // here and nowhere else
    void set_transfer(std::coroutine_handle<> to) noexcept { transfer_ = to; }
    void set_finished(TaskRecord& task) noexcept { finished_ = &task; }
    void arm(TimerNode& node, TimePoint deadline) { timers_.arm(node, deadline); }

    /// Waits for events until `deadline`, claims due timers, and wakes what both made ready.
    void poll(std::optional<TimePoint> deadline);

    /// Adds it to the living tasks.
    void enlist(TaskRecord& task) noexcept {
        task.worker = this;
        started_.store(started_.load(kRelaxed) + 1, kRelaxed);
        header_of(task).owner.store(&core_, kRelease);  // release: a dump that finds the record finds it filled in
    }
    /// Deletes the task; only then does it count as ended.
    void retire(TaskRecord& task) noexcept;
    std::uint64_t next_task_id() noexcept {
        if (next_id_ == id_block_end_) {
            reserve_ids();
        }
        return next_id_++;
    }

    /// What it runs at this moment, as far as can be told without stopping it.
    struct Run {
        std::uint64_t number = 0;  // from 1; 0: it runs nothing
        std::uint64_t task = 0;
        std::source_location resumed_at;
        std::source_location created_at;
    };
    /// From any thread.
    Run current_run() const noexcept;

    /// From any thread: see EventSource::post.
    void post(EventSource::Message& message) noexcept;

    // From any thread.
    SchedulerCore& core() const noexcept { return core_; }
    EventSource& source() const noexcept { return *source_; }
    const TimerHeap& timers() const noexcept { return timers_; }
    std::size_t index() const noexcept { return index_; }
    /// Whether so many tasks wait in its queue that another worker should come and take some.
    bool has_work_to_share() const noexcept { return local_.size() >= share_from_.load(kRelaxed); }
    void share_from(std::uint32_t count) noexcept { share_from_.store(count, kRelaxed); }
    std::uint64_t runs() const noexcept { return run_number_.load(kRelaxed) / 2; }
    bool has_messages() const noexcept { return inbox_pending_.load(kAcquire); }
    bool can_be_woken() const noexcept { return can_be_woken_.load(kAcquire); }
    const TaskRecord* running() const noexcept { return running_.load(kAcquire); }
    bool delisting() const noexcept { return delisting_.load(kAcquire); }
    bool at_rest() const noexcept { return at_rest_.load(kSeqCst); }
    std::int64_t tasks_started() const noexcept { return started_.load(kRelaxed); }
    std::int64_t tasks_ended() const noexcept { return ended_.load(kAcquire); }
    TimePoint last_look() const noexcept { return last_look_; }
    bool has_work() const noexcept;

    /// At rest a worker touches no task's frame, so a dumper may read them. rest_ends() waits until no dump is under
    /// way.
    void rest() noexcept { at_rest_.store(true, kSeqCst); }
    void rest_ends() noexcept;

    // The rest is for the end of a run, when no worker runs any more.
    void reset() noexcept;  // delivers what was posted and forgets all queued tasks
    void forget_queued() noexcept;
    void reseed(std::uint64_t seed) noexcept;  // so that a simulation repeats the last one

    Random& random() noexcept { return random_; }

  private:
    friend class SchedulerCore;  // marks a worker that it wakes to search

    TaskRecord* next_task() noexcept;
    TaskRecord* take_woken() noexcept;
    TaskRecord* take_queued() noexcept;
    TaskRecord* take_home() noexcept;
    bool has_home_work() const noexcept { return !home_.empty() || source_->has_found(); }
    TaskRecord* take_global() noexcept;
    void push_local(TaskRecord& task) noexcept {
        if (!local_.push(task)) [[unlikely]] {
            make_room(task);
        }
    }
    void make_room(TaskRecord& task) noexcept;
    /// Wakes another worker if the queue is worth it. If it is not, nobody is: the tasks in it are short, this worker
    /// is awake, and the monitor comes by.
    void offer_work() noexcept {
        if (has_work_to_share()) {
            wake_another();
        }
    }
    void wake_another() noexcept;
    void reserve_ids() noexcept;
    void run(TaskRecord& task);
    TaskRecord* search() noexcept;
    TaskRecord* steal() noexcept;
    void sleep();
    void deliver_messages() noexcept;
    void look_around();
    void delist(TaskRecord& task) noexcept;
    void expire_timers() noexcept;

    static constexpr std::uint32_t kGlobalInterval = 61;  // ticks between two visits to the global queue and the source
    static constexpr std::uint32_t kTimerInterval = 8;    // ticks between two looks at the clock while timers are armed
    static constexpr std::uint32_t kRunNextLimit = 3;     // woken tasks run in a row before the queues have their turn

    SchedulerCore& core_;
    const std::size_t index_;
    Random random_;
    std::unique_ptr<EventSource> source_;
    TimerHeap timers_;

    LocalQueue local_;
    TaskList home_;                     // this thread only
    TaskRecord* run_next_ = nullptr;    // this thread only
    std::coroutine_handle<> transfer_;  // what the running task continues with
    TaskRecord* finished_ = nullptr;    // the running task, once its root coroutine has ended
    std::uint32_t tick_ = 0;
    std::uint32_t run_next_streak_ = 0;
    bool made_way_ = false;   // a task was requeued, and nobody was told
    bool home_turn_ = false;  // whether the home queue was asked first the last time
    TimePoint last_look_;     // the clock at the last poll or timer check
    bool searching_ = false;  // this worker is the one that searches; guarded by SchedulerCore's idle lock while asleep

    // For current_run(): the number is even while nothing runs, else odd, and the rest belongs to the same run where
    // the number is the same before and after.
    Atomic<std::uint64_t> run_number_{0};
    Atomic<std::uint64_t> run_task_{0};
    Atomic<std::source_location> run_resumed_at_{};
    Atomic<std::source_location> run_created_at_{};

    Atomic<std::uint32_t> share_from_{1};  // at least 1; written by the monitor

    Atomic<const TaskRecord*> running_{nullptr};
    Atomic<bool> at_rest_{true};
    Atomic<bool> can_be_woken_{false};  // set before it goes to sleep: a timer or an operation of its own will wake it

    SpinLock inbox_lock_;
    EventSource::Message* inbox_first_ MYNAH_GUARDED_BY(inbox_lock_) = nullptr;
    EventSource::Message* inbox_last_ MYNAH_GUARDED_BY(inbox_lock_) = nullptr;
    Atomic<bool> inbox_pending_{false};

    Atomic<bool> delisting_{false};
    const bool interrupted_ = has_membarrier();
    Atomic<std::int64_t> started_{0};  // written by this worker only
    Atomic<std::int64_t> ended_{0};
    std::uint64_t next_id_ = 0;  // ids of this worker's current block
    std::uint64_t id_block_end_ = 0;
};

/// The worker of the calling thread; nullptr outside of a scheduler.
Worker* this_worker() noexcept;
/// The same, for functions that are called often and that no coroutine inlines: Clang caches the address of a
/// thread-local across a suspension.
extern constinit thread_local Worker* current_worker;
void set_this_worker(Worker* worker) noexcept;

/// The same where only a task may call; throws Panic outside of one.
Worker& require_worker(const char* caller);

}  // namespace mynah::conc::internal
