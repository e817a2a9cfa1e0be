// side_thread.hpp -- for a thread of the program's own that works beside the scheduler's.
//
// What     stand_aside() makes the calling thread one that signals are not delivered to, and that shares no file
//          descriptors with the program: it keeps 0, 1, 2 and those it names. What others open later it cannot use.
// Why      as long as one thread alone uses a table of descriptors, Linux does without counting who uses a file during
//          a system call: two atomic operations fewer for each.
// Threads  for the calling thread and those that it starts.
// Errors   where the kernel refuses (close_range(2) before Linux 5.9), descriptors stay shared.
#pragma once

#include <vector>

namespace mynah::conc {

void stand_aside(std::vector<int> kept_descriptors = {});

}  // namespace mynah::conc
