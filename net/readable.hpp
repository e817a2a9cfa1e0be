// readable.hpp -- parks the task until any descriptor is readable (or writable).
//
// What     for descriptors that are not streams of ours, such as standard input. True: ready; false: the time is over.
// Threads  from any task; the worker's own driver watches the descriptor meanwhile.
// Cancel   only by the timeout.
// Errors   too_many_descriptors, bad_file_descriptor, operation_in_progress.
// Differs  from wait_readable(): it parks the task and not the thread.
#pragma once

#include "conc/task.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

conc::Task<Result<bool>> readable(int fd, conc::Duration timeout = kNoTimeout);
conc::Task<Result<bool>> writable(int fd, conc::Duration timeout = kNoTimeout);

}  // namespace mynah::net
