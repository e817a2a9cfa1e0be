#include "net/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>

#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/internal/buffer_pool.hpp"
#include "net/internal/endpoint.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"

namespace mynah::net {
namespace {

bool usable(const std::shared_ptr<internal::Endpoint>& endpoint) noexcept {
    return endpoint != nullptr && !endpoint->closed.load();
}

}  // namespace

Result<Lease> ReceiveAwaiter::await_resume() noexcept {
    if (!operation_.lease.empty()) {
        endpoint().adapt_receive_size(operation_.lease.capacity(), operation_.lease.size());
    }
    settle();
    if (operation_.error) {
        return fail(operation_.error);
    }
    return std::move(operation_.lease);
}

Result<void> SendAwaiter::await_resume() noexcept {
    settle();
    if (operation_.error) {
        return fail(operation_.error);
    }
    return {};
}

void Stream::Interrupter::interrupt() const {
    if (endpoint_ == nullptr) {
        return;
    }
    // Against a stream that is adopted meanwhile: either its first receive sees the flag, or the driver is seen here.
    endpoint_->interrupted.store(true);
    internal::Endpoint::cancel_reading(endpoint_, 0);
}

Stream::Stream() = default;
Stream::Stream(Stream&& other) noexcept = default;
Stream::Stream(std::shared_ptr<internal::Endpoint> endpoint) noexcept : endpoint_(std::move(endpoint)) {
    set_receive_options({});
}

Stream& Stream::operator=(Stream&& other) noexcept {
    if (this != &other) {
        close();
        endpoint_ = std::move(other.endpoint_);
    }
    return *this;
}

Stream::~Stream() {
    close();
}

Stream Stream::from(Descriptor descriptor) {
    auto endpoint = std::make_shared<internal::Endpoint>(std::move(descriptor));
    internal::SocketAddress peer;
    if (::getpeername(endpoint->fd.get(), &peer.any, &peer.length) == 0) {
        endpoint->peer = internal::CompactAddress(peer);
    }
    return Stream(std::move(endpoint));
}

bool Stream::is_open() const noexcept {
    return usable(endpoint_);
}

Result<void> Stream::adopt() {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    if (const std::error_code error = endpoint_->adopt(); error) {
        return fail(error);
    }
    return {};
}

Result<void> Stream::shutdown_send() {
    if (const Result<void> home = adopt(); !home) {
        return home;
    }
    if (::shutdown(fd(), SHUT_WR) != 0) {
        return fail_errno(errno);
    }
    return {};
}

void Stream::close() noexcept {
    if (endpoint_ != nullptr) {
        internal::Endpoint::close(endpoint_);
    }
}

void Stream::reset() noexcept {
    if (is_open()) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        // Where it fails the peer sees a FIN in place of the RST.
        (void)::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close();
    }
}

void Stream::clear_interrupt() noexcept {
    if (endpoint_ != nullptr) {
        endpoint_->interrupted.store(false);
    }
}

Address Stream::peer() const {
    if (endpoint_ == nullptr) {
        return {};
    }
    if (endpoint_->peer.family() == AF_UNIX && is_open()) {
        internal::SocketAddress peer;  // what was kept has no room for a path
        if (::getpeername(fd(), &peer.any, &peer.length) == 0) {
            return peer.to_address();
        }
    }
    return endpoint_->peer.to_address();
}

Result<PeerCredentials> Stream::peer_credentials() const {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    if (endpoint_->peer.family() != AF_UNIX) {
        return fail(std::errc::operation_not_supported);
    }
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return fail_errno(errno);
    }
    return PeerCredentials{.process = credentials.pid, .user = credentials.uid, .group = credentials.gid};
}

Address Stream::local() const {
    internal::SocketAddress address;
    if (!is_open() || ::getsockname(fd(), &address.any, &address.length) != 0) {
        return {};
    }
    return address.to_address();
}

Result<std::size_t> Stream::unread_bytes() const {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    int count = 0;
    if (::ioctl(fd(), FIONREAD, &count) != 0) {
        return fail_errno(errno);
    }
    return static_cast<std::size_t>(std::max(count, 0));
}

Result<void> Stream::set_no_delay(bool on) {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    const int value = on ? 1 : 0;
    if (::setsockopt(fd(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) != 0) {
        return fail_errno(errno);
    }
    return {};
}

void Stream::set_receive_options(ReceiveOptions options) noexcept {
    if (endpoint_ != nullptr) {
        const std::size_t least = internal::buffer_capacity(options.initial_bytes);
        endpoint_->set_receive_bounds(least, std::max(least, internal::buffer_capacity(options.maximum_bytes)));
    }
}

int Stream::fd() const noexcept {
    return endpoint_ != nullptr ? endpoint_->fd.get() : -1;
}

}  // namespace mynah::net
