#include "server/configuration.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <thread>

#include <sched.h>
#include <unistd.h>

#include "server/logging_options.hpp"

namespace mynah::server {

std::string_view to_string(DriverChoice driver) {
    switch (driver) {
        case DriverChoice::automatic:
            return "auto";
        case DriverChoice::select:
            return "select";
        case DriverChoice::poll:
            return "poll";
        case DriverChoice::epoll:
            return "epoll";
        case DriverChoice::io_uring:
            return "io_uring";
    }
    return "unknown";
}

std::string_view to_string(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
        case LogLevel::off:
            return "off";
    }
    return "unknown";
}

std::string_view to_string(LogFormat format) {
    switch (format) {
        case LogFormat::text:
            return "text";
        case LogFormat::json:
            return "json";
    }
    return "unknown";
}

std::string instance_name(const Configuration& configuration) {
    if (!configuration.instance.empty()) {
        return configuration.instance;
    }
    std::array<char, 256> host{};
    // A name that is too long may come without its terminator, hence the byte that is held back.
    if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') {
        return "mynahd-" + std::to_string(::getpid());
    }
    return std::string(host.data()) + "-" + std::to_string(::getpid());
}

unsigned worker_count(const Configuration& configuration) {
    if (configuration.workers != 0) {
        return configuration.workers;
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    // The affinity mask knows of taskset and cpusets; it does not fit into cpu_set_t beyond 1,024 cores.
    if (::sched_getaffinity(0, sizeof cores, &cores) == 0) {
        return std::max(1U, static_cast<unsigned>(CPU_COUNT(&cores)));
    }
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace mynah::server
