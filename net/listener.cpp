#include "net/listener.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/internal/context_hook.hpp"
#include "net/internal/endpoint.hpp"
#include "net/internal/operation_awaiter.hpp"
#include "net/internal/socket_address.hpp"
#include "net/internal/socket_file.hpp"
#include "net/internal/socket_options.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"
#include "net/socket_options.hpp"
#include "net/stream.hpp"

namespace mynah::net {
namespace {

using internal::Endpoint;
using internal::SocketAddress;

/// One wait of accept(): for a connection, or for time to pass. A cancelled context keeps it from waiting.
class AcceptAwaiter final : public internal::OperationAwaiter {
  public:
    AcceptAwaiter(const std::shared_ptr<Endpoint>& endpoint, Operation::Kind kind, conc::Duration timeout,
                  const conc::Context& ctx, std::uint64_t ticket) noexcept
        : OperationAwaiter(endpoint, kind, timeout) {
        operation_.address = &peer_;
        operation_.ticket = ticket;
        context_ = &ctx;
    }

    Result<Stream> await_resume() {
        settle();
        if (operation_.error) {
            return fail(operation_.error);
        }
        auto accepted = std::make_shared<Endpoint>(std::move(operation_.accepted));
        accepted->peer = internal::CompactAddress(peer_);
        return Stream(std::move(accepted));
    }

  private:
    SocketAddress peer_;
};

bool prepare(int fd, int family, const ListenOptions& options) noexcept {
    return (!options.reuse_address || internal::set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) &&
           (!options.reuse_port || internal::set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           (family != AF_INET6 || internal::set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0));
}

Result<void> listen_on_port(int fd, const SocketAddress& where, const ListenOptions& options) {
    if (!prepare(fd, where.family(), options) || ::bind(fd, &where.any, where.length) != 0) {
        return fail_errno(errno);
    }
    if (const Result<void> applied = apply(options.tcp, fd); !applied) {
        return applied;
    }
    if (::listen(fd, options.backlog) != 0) {
        return fail_errno(errno);
    }
    return {};
}

Result<void> listen_on_name(int fd, const SocketAddress& where, int backlog) {
    if (::bind(fd, &where.any, where.length) != 0 || ::listen(fd, backlog) != 0) {
        return fail_errno(errno);
    }
    return {};
}

}  // namespace

Listener::Listener() = default;
Listener::Listener(Listener&& other) noexcept = default;
Listener::Listener(std::shared_ptr<Endpoint> endpoint, Options options, internal::SocketFile file) noexcept
    : endpoint_(std::move(endpoint)), options_(options), file_(std::move(file)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
    if (this != &other) {
        close();
        endpoint_ = std::move(other.endpoint_);
        options_ = other.options_;
        file_ = std::move(other.file_);
    }
    return *this;
}

Listener::~Listener() {
    close();
}

Result<Listener> Listener::bind(const Address& address, Options options) {
    const std::optional<SocketAddress> where = SocketAddress::from(address);
    if (!where) {
        return fail(Errc::unresolved_name);
    }
    if (address.transport() == Transport::udp) {
        return fail(std::errc::protocol_not_supported);
    }
    Descriptor fd(::socket(where->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return fail_errno(errno);
    }
    internal::SocketFile file;
    Result<void> listening;
    if (address.family() == Address::Family::path) {
        Result<internal::SocketFile> made =
            internal::SocketFile::listen(fd.get(), *where, options.unix_mode, options.backlog);
        if (made) {
            file = *std::move(made);
        } else {
            listening = fail(made.error());
        }
    } else if (address.is_unix()) {
        listening = listen_on_name(fd.get(), *where, options.backlog);
    } else {
        listening = listen_on_port(fd.get(), *where, options);
    }
    if (!listening) {
        return fail(listening.error());
    }
    return Listener(std::make_shared<Endpoint>(std::move(fd)), options, std::move(file));
}

conc::Task<Result<Stream>> Listener::accept(conc::Context ctx) {
    const std::shared_ptr<Endpoint> endpoint = endpoint_;
    if (endpoint == nullptr) {
        co_return fail(std::errc::operation_canceled);
    }
    const std::uint64_t ticket = endpoint->tickets.fetch_add(1) + 1;
    if (endpoint->backing_off.exchange(false)) {
        const internal::ContextHook hook(ctx, endpoint, ticket);
        const Result<Stream> paused =
            co_await AcceptAwaiter(endpoint, Operation::Kind::pause, options_.exhaustion_pause, ctx, ticket);
        if (paused.error() != std::errc::timed_out && !ctx.err()) {
            co_return fail(paused.error());
        }
        // Cancelled during the pause: what is queued is still accepted, if there is a descriptor for it by now.
    }
    // Where a connection is queued there is no need to follow the context; a timeout of zero does not wait.
    Result<Stream> accepted =
        co_await AcceptAwaiter(endpoint, Operation::Kind::accept, conc::Duration::zero(), ctx, ticket);
    if (!accepted && accepted.error() == std::errc::timed_out) {
        const internal::ContextHook hook(ctx, endpoint, ticket);
        accepted = co_await AcceptAwaiter(endpoint, Operation::Kind::accept, kNoTimeout, ctx, ticket);
    }
    if (!accepted && is_exhaustion(accepted.error())) {
        endpoint->backing_off.store(true);
        if (ctx.err()) {
            co_return fail(std::errc::operation_canceled);
        }
    }
    co_return accepted;
}

conc::Task<Result<Stream>> Listener::accept() {
    co_return co_await accept(conc::Context::background());
}

Address Listener::local() const {
    SocketAddress address;
    if (endpoint_ == nullptr || endpoint_->closed.load() ||
        ::getsockname(endpoint_->fd.get(), &address.any, &address.length) != 0) {
        return {};
    }
    return address.to_address();
}

void Listener::close() noexcept {
    if (endpoint_ != nullptr) {
        file_.remove();
        Endpoint::close(endpoint_);
    }
}

int Listener::fd() const noexcept {
    return endpoint_ != nullptr ? endpoint_->fd.get() : -1;
}

}  // namespace mynah::net
