#include "net/connect.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/internal/endpoint.hpp"
#include "net/internal/operation_awaiter.hpp"
#include "net/internal/socket_address.hpp"
#include "net/internal/timeval.hpp"
#include "net/operation.hpp"
#include "net/resolve.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::net {
namespace {

using internal::Endpoint;
using internal::SocketAddress;

class ConnectAwaiter final : public internal::OperationAwaiter {
  public:
    /// `where` is the caller's, and stays where it is.
    ConnectAwaiter(const std::shared_ptr<Endpoint>& endpoint, SocketAddress& where, conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::connect, timeout) {
        operation_.address = &where;
    }

    std::error_code await_resume() noexcept {
        settle();
        return operation_.error;
    }
};

conc::Task<Result<Stream>> connect_to(SocketAddress address, conc::Duration timeout) {
    Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        co_return fail_errno(errno);
    }
    if (address.family() != AF_UNIX) {
        const int yes = 1;
        // Where it fails the connection is slower, no less right.
        (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    }
    const auto endpoint = std::make_shared<Endpoint>(std::move(fd));
    endpoint->peer = internal::CompactAddress(address);
    Stream stream(endpoint);  // closes the descriptor, and first tells the driver, where it comes to nothing
    const std::error_code error = co_await ConnectAwaiter(endpoint, address, timeout);
    if (error) {
        co_return fail(error);
    }
    co_return std::move(stream);
}

/// What one of `count` addresses that are still to be tried may take.
conc::Duration share(conc::TimePoint deadline, std::size_t count) {
    if (deadline == conc::TimePoint::max()) {
        return kNoTimeout;
    }
    const conc::Duration left = std::max(deadline - conc::now(), conc::Duration::zero());
    return left / static_cast<conc::Duration::rep>(count);
}

/// A unix socket connects at once, or finds the listener's queue full: EAGAIN, and no readiness tells when there is
/// room again. So it asks again, ever more seldom.
conc::Task<Result<Stream>> connect_to_unix(SocketAddress address, conc::TimePoint deadline) {
    constexpr conc::Duration kFirstPause = std::chrono::milliseconds(1);
    constexpr conc::Duration kLongestPause = std::chrono::milliseconds(50);
    conc::Duration pause = kFirstPause;
    for (;;) {
        Result<Stream> stream = co_await connect_to(address, kNoTimeout);
        if (stream || stream.error() != std::errc::resource_unavailable_try_again) {
            co_return stream;
        }
        const conc::Duration left = deadline - conc::now();
        if (left <= conc::Duration::zero()) {
            co_return fail(std::errc::timed_out);
        }
        co_await conc::sleep_for(std::min(pause, left));
        pause = std::min(pause * 2, kLongestPause);
    }
}

}  // namespace

conc::Task<Result<Stream>> connect(Address address, conc::Duration timeout) {
    const conc::TimePoint deadline = internal::deadline_after(conc::now(), timeout);
    if (address.transport() == Transport::udp) {
        co_return fail(std::errc::protocol_not_supported);
    }
    if (address.is_unix()) {
        const std::optional<SocketAddress> path = SocketAddress::from(address);
        co_return co_await connect_to_unix(*path, deadline);
    }
    const Result<std::vector<Address>> resolved = co_await resolve(std::move(address), timeout);
    if (!resolved) {
        co_return fail(resolved.error());
    }
    std::error_code last = std::make_error_code(std::errc::address_not_available);
    for (std::size_t i = 0; i < resolved->size(); ++i) {
        const std::optional<SocketAddress> where = SocketAddress::from((*resolved)[i]);
        if (!where) {
            continue;
        }
        Result<Stream> stream = co_await connect_to(*where, share(deadline, resolved->size() - i));
        if (stream) {
            co_return stream;
        }
        last = stream.error();
    }
    co_return fail(last);
}

}  // namespace mynah::net
