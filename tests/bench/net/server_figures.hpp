// server_figures.hpp -- what a running server takes of the machine, from /proc.
//
// What     cpu(pid): of all its threads, how long they ran, and how long they could have run and had no core;
//          private_bytes(pid): the memory that is its own.
// Threads  any one.
// Errors   std::runtime_error when there is no such process, or it is another user's.
#pragma once

#include <chrono>
#include <cstddef>

#include <sys/types.h>

namespace mynah::bench {

struct CpuTime {
    std::chrono::nanoseconds ran{};
    std::chrono::nanoseconds waited{};  // for a core that something else had

    friend CpuTime operator-(CpuTime end, CpuTime begin) {
        return {.ran = end.ran - begin.ran, .waited = end.waited - begin.waited};
    }
};

/// A thread that has ended is not counted any more.
CpuTime cpu_of(pid_t process);

/// Private_Clean and Private_Dirty of all its mappings.
std::size_t private_bytes_of(pid_t process);

}  // namespace mynah::bench
