#include "client/load/processor_use.hpp"

#include <chrono>
#include <cstdint>
#include <ctime>
#include <fstream>

#include <time.h>

namespace mynah::client::load {

ProcessorTime read_processor_time() {
    ProcessorTime time;
    timespec used{};
    if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0) {
        time.used = std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    }
    // proc(5): time on a processor, time in the run queue, both in nanoseconds, and the number of turns.
    std::ifstream statistics("/proc/thread-self/schedstat");
    std::int64_t on_processor = 0;
    std::int64_t waiting = 0;
    if (statistics >> on_processor >> waiting) {
        time.waited = std::chrono::nanoseconds(waiting);
    }
    return time;
}

}  // namespace mynah::client::load
