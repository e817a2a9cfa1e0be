#include "net/connect.hpp"

#include <algorithm>
#include <cerrno>
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
    ConnectAwaiter(const std::shared_ptr<Endpoint>& endpoint, conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::connect, timeout) {
        operation_.address = &endpoint->peer;
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
    const int yes = 1;
    // Where it fails the connection is slower, no less right.
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    const auto endpoint = std::make_shared<Endpoint>(std::move(fd));
    endpoint->peer = address;
    Stream stream(endpoint);  // closes the descriptor, and first tells the driver, where it comes to nothing
    const std::error_code error = co_await ConnectAwaiter(endpoint, timeout);
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

}  // namespace

conc::Task<Result<Stream>> connect(Address address, conc::Duration timeout) {
    const conc::TimePoint deadline = internal::deadline_after(conc::now(), timeout);
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
