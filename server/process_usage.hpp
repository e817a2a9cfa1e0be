// process_usage.hpp -- what this process has used of the machine.
// Threads  any.
// Errors   what the system does not tell is 0.
#pragma once

#include <chrono>
#include <cstdint>

namespace mynah::server {

struct ProcessUsage {
    std::chrono::system_clock::time_point started = {};
    double cpu_seconds = 0;  // of all threads, the system's time among it
    std::uint64_t resident_bytes = 0;
};

[[nodiscard]] ProcessUsage process_usage();

}  // namespace mynah::server
