// processor_use.hpp -- how much of its processor a thread used, and how long it waited for one.
//
// What     read_processor_time() of the calling thread; the difference of two readings over the time between them is a
//          share. Waiting is what the kernel's scheduler says: ready to run, and no processor free.
// Threads  each its own.
// Errors   where the kernel does not say how long a thread waited, that is zero.
#pragma once

#include <chrono>

namespace mynah::client::load {

struct ProcessorTime {
    std::chrono::nanoseconds used{0};
    std::chrono::nanoseconds waited{0};
};

ProcessorTime read_processor_time();

}  // namespace mynah::client::load
