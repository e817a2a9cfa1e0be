#include "conc/internal/task_record.hpp"

#include <memory>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc::internal {

void note_waiting(TaskRecord& task, WaitReason reason) noexcept {
    task.reason.store(reason, kRelaxed);
    task.waiting_since_ns.store(task.worker->last_look().time_since_epoch().count(), kRelaxed);
    task.state.store(TaskState::waiting, kRelaxed);
}

void make_ready(TaskRecord& task) noexcept {
    task.state.store(TaskState::runnable, kRelaxed);
    SchedulerCore& core = task.worker->core();
    Worker* here = this_worker();
    if (here != nullptr && &here->core() == &core) {
        here->run_next(task);
    } else {
        core.push_global(task);
    }
}

namespace {

/// As make_ready(), but in the order of arrival: the task goes to the end of the queue.
void make_queued(TaskRecord& task) noexcept {
    task.state.store(TaskState::runnable, kRelaxed);
    SchedulerCore& core = task.worker->core();
    Worker* here = this_worker();
    if (here != nullptr && &here->core() == &core) {
        here->enqueue(task);
    } else {
        core.push_global(task);
    }
}

}  // namespace

void WakeList::wake_all() noexcept {
    TaskRecord* task = std::exchange(first_, nullptr);
    last_ = nullptr;
    if (task != nullptr && task->next == nullptr) {
        make_ready(*task);
        task = nullptr;
    }
    while (task != nullptr) {
        TaskRecord* following = task->next;  // once queued, the task may run and end at any moment
        make_queued(*task);
        task = following;
    }
    Deferred* work = std::exchange(first_deferred_, nullptr);
    last_deferred_ = nullptr;
    while (work != nullptr) {
        Deferred* following = std::exchange(work->next_, nullptr);
        const std::shared_ptr<Deferred> kept = std::move(work->kept_);  // from here on it may be pushed again
        kept->run();
        work = following;
    }
}

}  // namespace mynah::conc::internal
