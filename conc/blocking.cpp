#include "conc/blocking.hpp"

#include <functional>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/background.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

void run_blocking(TaskRecord& task, std::move_only_function<void()> work) {
    SchedulerCore& core = task.worker->core();
    core.external_begins();
    try {
        core.background().post([&core, &task, held = std::move(work)]() mutable {
            held();
            make_ready(task);  // queued first, counted down after: see check_deadlock()
            core.external_ends();
        });
    } catch (...) {
        // No thread or no memory: the task goes on with the exception.
        task.state.store(TaskState::running, kRelaxed);
        core.external_ends();
        throw;
    }
}

}  // namespace mynah::conc::internal
