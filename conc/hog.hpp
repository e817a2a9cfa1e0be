// hog.hpp -- a task that keeps its worker from all others.            Go: what its preemption is for
//
// What     a task that runs for longer than Options::hog_limit without awaiting is counted and described once, while it
//          still runs.
// Threads  Scheduler::hog_count() and hogs(), from any thread.
// Cost     five stores each time a task goes on. A thread of its own looks every hog_limit while a worker is busy, and
//          every millisecond where there are several workers: it also says when work is worth sharing. It sleeps while
//          all are idle.
// Differs  from Go: nothing takes the worker away from it; see blocking() for work that takes long.
#pragma once

#include <chrono>
#include <cstdint>

#include "conc/task_info.hpp"

namespace mynah::conc {

struct Hog {
    std::uint64_t task = 0;  // its id
    CodeSite resumed_at;     // the await from which it went on, or its first line
    CodeSite created_at;
    std::chrono::nanoseconds running{0};  // so far: at least this long
};

}  // namespace mynah::conc
