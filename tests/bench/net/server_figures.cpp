#include "tests/bench/net/server_figures.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include <time.h>

namespace mynah::bench {

namespace {

std::filesystem::path folder_of(pid_t process) {
    return std::filesystem::path("/proc") / std::to_string(process);
}

[[noreturn]] void fail(const std::filesystem::path& path) {
    throw std::runtime_error("cannot read " + path.string());
}

}  // namespace

CpuTime cpu_of(pid_t process) {
    const std::filesystem::path threads = folder_of(process) / "task";
    CpuTime sum;
    std::error_code error;
    for (const auto& thread : std::filesystem::directory_iterator(threads, error)) {
        std::ifstream file(thread.path() / "schedstat");
        std::int64_t ran = 0;
        std::int64_t waited = 0;
        if (file >> ran >> waited) {  // it may have ended
            sum.ran += std::chrono::nanoseconds(ran);
            sum.waited += std::chrono::nanoseconds(waited);
        }
    }
    if (error) {
        fail(threads);
    }
    return sum;
}

std::size_t private_bytes_of(pid_t process) {
    constexpr std::size_t kKibibyte = 1024;
    const std::filesystem::path path = folder_of(process) / "smaps_rollup";
    std::ifstream file(path);
    std::size_t sum = 0;
    bool found = false;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("Private_Clean:") && !line.starts_with("Private_Dirty:")) {
            continue;
        }
        std::istringstream words(line);
        std::string name;
        std::size_t kibibytes = 0;
        words >> name >> kibibytes;
        sum += kibibytes * kKibibyte;
        found = true;
    }
    if (!found) {
        fail(path);
    }
    return sum;
}

}  // namespace mynah::bench
