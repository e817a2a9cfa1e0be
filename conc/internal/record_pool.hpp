// record_pool.hpp -- memory for task records, which can be looked through: the registry of living tasks.
//
// What     a pool like that of the frames, but each block begins with a header that is there as long as the program
//          runs, and says whose task lives in it. So a task is listed by one store, and delisted by another.
// Threads  every function, from any thread. What visit_records() shows must be kept alive by other means: see
//          Worker::retire().
// Errors   allocate_record throws std::bad_alloc.
// Cost     as frame_pool.hpp. visit_records() reads a line of every block that was ever in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

class SchedulerCore;
struct TaskRecord;

/// Stands before each record, and stays when that is gone.
struct RecordHeader {
    Atomic<const SchedulerCore*> owner{nullptr};  // whose task it is; nullptr: nobody's. A release publishes the record
    std::uint64_t creator = 0;                    // id of the task that started it; 0: none
};

/// Of a record that was allocated here. Records derive from TaskRecord first of all.
inline RecordHeader& header_of(const TaskRecord& record) noexcept {
    const void* memory = &record;
    return static_cast<RecordHeader*>(const_cast<void*>(memory))[-1];
}

void* allocate_record(std::size_t bytes);
void free_record(void* memory, std::size_t bytes) noexcept;

/// Calls visit for each of the owner's records.
void visit_records(const SchedulerCore& owner, const std::function<void(TaskRecord&)>& visit);

}  // namespace mynah::conc::internal
