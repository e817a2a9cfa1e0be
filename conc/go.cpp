#include "conc/go.hpp"

#include <memory>
#include <source_location>

#include "conc/internal/record_pool.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc::internal {

void start_task(std::unique_ptr<TaskRecord> task, std::source_location where) {
    Worker& worker = require_worker("go");
    task->created_at = where;
    task->id = worker.next_task_id();
    const TaskRecord* creator = worker.running();
    header_of(*task).creator = creator == nullptr ? 0 : creator->id;
    task->depth = creator == nullptr ? 1 : creator->depth + 1;
    worker.enlist(*task);
    worker.enqueue(*task.release());
}

}  // namespace mynah::conc::internal
