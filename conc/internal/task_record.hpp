// task_record.hpp -- what the scheduler knows of one task.          Go: runtime.g
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <utility>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

struct PromiseBase;
class Worker;

enum class TaskState : std::uint8_t { runnable, running, waiting };

/// What a waiting task waits for; the words of a dump are in dump.cpp.
enum class WaitReason : std::uint8_t {
    none,
    chan_receive,
    chan_send,
    chan_receive_nil,
    chan_send_nil,
    select,
    select_no_cases,
    sleep,
    mutex_lock,
    rw_mutex_lock,
    rw_mutex_lock_shared,
    cond_wait,
    semaphore,
    wait_group,
    once,
    io,
    blocking,
    asio,
};

/// One task. It is allocated together with the closure that the task runs (SpawnedTask in go.hpp). The first frame
/// follows when the task has its first turn, on the worker that it runs on: a task that waits for its turn is small,
/// and one that ends in its first turn finds its frame in the cache.
///
/// Invariants:
/// - leaf is nullptr until the first turn. While the task does not run it is the coroutine to resume next; once it has
///   ended, its root.
/// - A record is in at most one run queue, and only while its state is runnable.
/// - While the state is waiting, exactly one party (a waker that won the claim, or a timer) may make it runnable.
/// - From the moment a parking task has published its waiter, the worker that parked it touches the record no more.
struct TaskRecord {
    TaskRecord() = default;
    TaskRecord(const TaskRecord&) = delete;
    TaskRecord& operator=(const TaskRecord&) = delete;
    virtual ~TaskRecord() = default;

    /// Makes the root coroutine, for the first turn. An exception ends the program: it is one that leaves the task.
    virtual PromiseBase& begin() = 0;

    /// What is to be done once the task is gone, with everything that it held.
    struct AfterEnd {
        void (*call)(void* argument) noexcept = nullptr;
        void* argument = nullptr;
    };
    /// Called by the worker once the root coroutine has ended, before it deletes the record.
    virtual AfterEnd on_finished() noexcept = 0;

    // From the pool of records: a header comes before each, see record_pool.hpp.
    static void* operator new(std::size_t size);
    static void operator delete(void* memory, std::size_t size) noexcept;

    TaskRecord* next = nullptr;                // link in a run queue or WakeList; guarded by that queue
    Worker* worker = nullptr;                  // who runs it, or ran it last; written by that worker alone
    PromiseBase* leaf = nullptr;               // promise of the innermost suspended coroutine: start of the await chain
    std::uint64_t id = 0;                      // 1 is the main task
    std::source_location created_at;           // where go() was called
    Atomic<std::int64_t> waiting_since_ns{0};  // on the scheduler's clock, as coarse as the worker's last look at it
    std::uint32_t depth = 0;                   // one more than its creator's; 0 is the main task
    Atomic<TaskState> state{TaskState::runnable};
    Atomic<WaitReason> reason{WaitReason::none};
    bool has_trace = false;  // of an exception on its way out, see note_exception()
};

/// Work that a timer must do outside its heap's lock: to cancel a context, to send a Timer's value. In at most one
/// WakeList at a time.
class Deferred {
  public:
    Deferred() = default;
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;
    virtual ~Deferred() = default;
    /// Called once for each push, when the work has left the list.
    virtual void run() noexcept = 0;

  private:
    friend class WakeList;
    std::shared_ptr<Deferred> kept_;  // itself, while it is on a list
    Deferred* next_ = nullptr;
};

/// What was claimed under some lock, to be made runnable, or done, once it is released. First in, first out.
class WakeList {
  public:
    WakeList() = default;
    WakeList(const WakeList&) = delete;
    WakeList& operator=(const WakeList&) = delete;
    ~WakeList() {
        if (!empty()) {
            wake_all();
        }
    }

    void push(TaskRecord& task) noexcept {
        task.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &task;
        last_ = &task;
    }
    void push(std::shared_ptr<Deferred> work) noexcept {
        Deferred& added = *work;
        added.kept_ = std::move(work);
        added.next_ = nullptr;
        (last_deferred_ == nullptr ? first_deferred_ : last_deferred_->next_) = &added;
        last_deferred_ = &added;
    }

    bool empty() const noexcept { return first_ == nullptr && !has_deferred(); }
    bool has_deferred() const noexcept { return first_deferred_ != nullptr; }

    /// Makes every task runnable, then does the deferred work. The caller holds no lock.
    void wake_all() noexcept;

  private:
    TaskRecord* first_ = nullptr;
    TaskRecord* last_ = nullptr;
    Deferred* first_deferred_ = nullptr;
    Deferred* last_deferred_ = nullptr;
};

/// Makes a parked task runnable; from any thread. The caller owns the wake-up and holds no lock that a task may take.
void make_ready(TaskRecord& task) noexcept;

}  // namespace mynah::conc::internal
