#include "conc/blocking.hpp"

#include "conc/internal/background.hpp"
#include "conc/internal/scheduler_core.hpp"

namespace mynah::conc::internal {

void run_blocking(TaskRecord& task, std::move_only_function<void()> work) {
    SchedulerCore& core = task.worker->core();
    core.external_begins();
    core.background().post([&core, &task, held = std::move(work)]() mutable {
        held();
        make_ready(task);      // queued first, counted down after: see check_deadlock()
        core.external_ends();
    });
}

}  // namespace mynah::conc::internal
