#include "conc/use_task.hpp"

#include "conc/internal/atomic.hpp"
#include "conc/internal/background.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc {

asio::io_context& io_context() {
    return internal::require_worker("io_context").core().background().io_context();
}

namespace internal {

void asio_begins(TaskRecord& task) noexcept {
    task.worker->core().external_begins();
}

void asio_ends(TaskRecord& task) noexcept {
    SchedulerCore& core = task.worker->core();
    make_ready(task);  // queued first, counted down after: see check_deadlock()
    core.external_ends();
}

void asio_never_began(TaskRecord& task) noexcept {
    task.state.store(TaskState::running, kRelaxed);
    task.worker->core().external_ends();
}

}  // namespace internal
}  // namespace mynah::conc
