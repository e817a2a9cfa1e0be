#include "client/load/descriptor_limit.hpp"

#include <cstddef>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <sys/resource.h>

#include "client/counted.hpp"

namespace mynah::client::load {
namespace {

constexpr rlim_t kOwn = 32;  // standard streams, wake-ups, epoll, report files, and some to spare

}  // namespace

std::optional<std::string> provide_descriptors(std::size_t connections) {
    const rlim_t wanted = connections + kOwn;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return std::nullopt;
    }
    if (limit.rlim_max >= wanted) {
        const rlimit raised{.rlim_cur = wanted, .rlim_max = limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return std::nullopt;
        }
    }
    return fmt::format(
        "{} take {} descriptors, and this process may open {}: raise the hard limit (ulimit -Hn), or ask "
        "for less with -c",
        count_of(connections, "connection"), wanted, limit.rlim_max);
}

}  // namespace mynah::client::load
