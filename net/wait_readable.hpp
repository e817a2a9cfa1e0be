// wait_readable.hpp -- blocks the calling thread until a descriptor is readable.      select(2) with a timeval
//
// What     true: readable (or at its end, or failed: the next read says which); false: the time is over.
// Threads  any; it blocks the thread, so a task that has a worker to share uses readable() of readable.hpp instead.
// Errors   too_many_descriptors at or over FD_SETSIZE, bad_file_descriptor; EINTR is retried with the time that is
//          left.
// Cost     one system call.
#pragma once

#include "conc/event_source.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

[[nodiscard]] Result<bool> wait_readable(int fd, conc::Duration timeout = kNoTimeout);

}  // namespace mynah::net
