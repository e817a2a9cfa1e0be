#include "net/internal/socket_options.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>

#include <netinet/in.h>  // IWYU pragma: keep
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/result.hpp"
#include "net/socket_options.hpp"

namespace mynah::net {
namespace internal {

bool set_option(int fd, int level, int option, int value) noexcept {
    return ::setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

}  // namespace internal

namespace {

constexpr int kProbes = 4;

template <class Duration>
int whole(Duration duration) {
    return static_cast<int>(std::min<std::int64_t>(duration.count(), std::numeric_limits<int>::max()));
}

bool keep_alive(int fd, std::chrono::seconds silence) noexcept {
    const int idle = whole(silence);
    return internal::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           internal::set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle) &&
           internal::set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle / kProbes)) &&
           internal::set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

}  // namespace

Result<void> apply(const TcpOptions& options, int fd) {
    const bool set = internal::set_option(fd, IPPROTO_TCP, TCP_NODELAY, options.no_delay ? 1 : 0) &&
                     (options.keepalive.count() == 0 || keep_alive(fd, options.keepalive)) &&
                     (options.user_timeout.count() == 0 ||
                      internal::set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, whole(options.user_timeout)));
    if (!set) {
        return fail_errno(errno);
    }
    return {};
}

}  // namespace mynah::net
