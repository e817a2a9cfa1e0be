#include "client/machine.hpp"

#include <cstddef>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

namespace mynah::client {
namespace {

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return {};
}

}  // namespace

Machine this_machine() {
    Machine machine;
    utsname names{};
    if (::uname(&names) == 0) {
        machine.host = names.nodename;
        machine.system = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
    }
    machine.processor = processor_name();
    cpu_set_t usable;
    CPU_ZERO(&usable);
    if (::sched_getaffinity(0, sizeof usable, &usable) == 0) {
        machine.processors = static_cast<std::size_t>(CPU_COUNT(&usable));
    }
    machine.version = MYNAH_VERSION;
    return machine;
}

}  // namespace mynah::client
