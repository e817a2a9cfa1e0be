#include "conc/sleep.hpp"

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/timer_heap.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc::internal {

void arm_timer(TaskRecord& task, TimerNode& node, TimePoint deadline) {
    task.worker->arm(node, deadline);
}

void enqueue_yielded(TaskRecord& task) noexcept {
    task.state.store(TaskState::runnable, kRelaxed);
    task.worker->requeue(task);
}

}  // namespace mynah::conc::internal
