#include "server/process_usage.hpp"

#include <chrono>
#include <cstdint>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace mynah::server {
namespace {

// Before main() begins: milliseconds after the process, which is as near as anybody asks for.
const auto start_time = std::chrono::system_clock::now();

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessUsage process_usage() {
    ProcessUsage usage{.started = start_time};
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    }
    std::uint64_t all_pages = 0;
    std::uint64_t resident_pages = 0;
    if (std::ifstream("/proc/self/statm") >> all_pages >> resident_pages) {  // proc(5)
        usage.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    return usage;
}

}  // namespace mynah::server
