#include "net/datagram.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.hpp"
#include "net/datagram_batch.hpp"
#include "net/descriptor.hpp"
#include "net/internal/datagram_attempt.hpp"
#include "net/internal/endpoint.hpp"
#include "net/internal/socket_address.hpp"
#include "net/internal/socket_options.hpp"
#include "net/result.hpp"

namespace mynah::net {
namespace {

using internal::Endpoint;
using internal::SocketAddress;

/// A batch that came back full was too small; one that was used to less than a quarter is more than need be. Two at
/// least, so that one datagram at a time is seen to be all that there was.
constexpr std::size_t kFewest = 2;

bool is_wildcard(const SocketAddress& address) noexcept {
    return address.family() == AF_INET ? address.v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                       : IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr);
}

bool prepare(int fd, const SocketAddress& address, const DatagramOptions& options, bool tells_local) noexcept {
    const bool is_ipv6 = address.family() == AF_INET6;
    return (!options.reuse_port || internal::set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           (!is_ipv6 || internal::set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0)) &&
           (!tells_local || (is_ipv6 ? internal::set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                                     : internal::set_option(fd, IPPROTO_IP, IP_PKTINFO, 1)));
}

}  // namespace

Result<DatagramBatch> ReceiveDatagramsAwaiter::await_resume() noexcept {
    if (operation_.error) {
        settle();
        return fail(operation_.error);
    }
    endpoint().adapt_receive_size(endpoint().receive_bytes, batch_.size());
    settle();
    return std::move(batch_);
}

DatagramsSent SendDatagramsAwaiter::await_resume() noexcept {
    settle();
    DatagramsSent sent = attempt_.sent;
    if (operation_.error && !sent.error) {
        sent.error = operation_.error;
    }
    return sent;
}

DatagramSocket::DatagramSocket() = default;
DatagramSocket::DatagramSocket(DatagramSocket&& other) noexcept = default;
DatagramSocket::DatagramSocket(std::shared_ptr<Endpoint> endpoint, const internal::DatagramAttempt& how) noexcept
    : endpoint_(std::move(endpoint)), how_(how) {}

DatagramSocket& DatagramSocket::operator=(DatagramSocket&& other) noexcept {
    if (this != &other) {
        close();
        endpoint_ = std::move(other.endpoint_);
        how_ = other.how_;
    }
    return *this;
}

DatagramSocket::~DatagramSocket() {
    close();
}

Result<DatagramSocket> DatagramSocket::open(const Address& address, const Options& options, bool connects) {
    if (address.transport() != Transport::udp) {
        return fail(std::errc::protocol_not_supported);
    }
    const std::optional<SocketAddress> where = SocketAddress::from(address);
    if (!where) {
        return fail(Errc::unresolved_name);
    }
    const bool tells_local = !connects && is_wildcard(*where);
    Descriptor fd(::socket(where->family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || !prepare(fd.get(), *where, options, tells_local) ||
        (connects ? ::connect(fd.get(), &where->any, where->length) : ::bind(fd.get(), &where->any, where->length)) !=
            0) {
        return fail_errno(errno);
    }
    return make(std::move(fd), options, tells_local);
}

DatagramSocket DatagramSocket::make(Descriptor descriptor, const Options& options, bool tells_local) {
    auto endpoint = std::make_shared<Endpoint>(std::move(descriptor));
    SocketAddress peer;
    const bool is_connected = ::getpeername(endpoint->fd.get(), &peer.any, &peer.length) == 0;
    if (is_connected) {
        endpoint->peer = internal::CompactAddress(peer);
    }
    endpoint->set_receive_bounds(kFewest, DatagramBatch::kMost);
    return DatagramSocket(std::move(endpoint), {.slot_bytes = std::clamp<std::size_t>(options.largest_bytes, 1, 65'535),
                                                .tells_local = tells_local,
                                                .may_have_error = is_connected});
}

DatagramSocket DatagramSocket::from(Descriptor descriptor, Options options) {
    return make(std::move(descriptor), options, false);
}

Result<DatagramSocket> DatagramSocket::bind(const Address& address, Options options) {
    return open(address, options, false);
}

Result<DatagramSocket> DatagramSocket::connect(const Address& peer, Options options) {
    return open(peer, options, true);
}

bool DatagramSocket::is_open() const noexcept {
    return endpoint_ != nullptr && !endpoint_->closed.load();
}

Result<void> DatagramSocket::adopt() {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    if (const std::error_code error = endpoint_->adopt(); error) {
        return fail(error);
    }
    return {};
}

void DatagramSocket::interrupt() const {
    if (endpoint_ != nullptr) {
        endpoint_->interrupted.store(true);
        Endpoint::cancel_reading(endpoint_, 0);
    }
}

void DatagramSocket::clear_interrupt() noexcept {
    if (endpoint_ != nullptr) {
        endpoint_->interrupted.store(false);
    }
}

void DatagramSocket::close() noexcept {
    if (endpoint_ != nullptr) {
        Endpoint::close(endpoint_);
    }
}

Address DatagramSocket::local() const {
    SocketAddress address;
    if (!is_open() || ::getsockname(fd(), &address.any, &address.length) != 0) {
        return Address().with_transport(Transport::udp);
    }
    return address.to_address(Transport::udp);
}

Address DatagramSocket::peer() const {
    return endpoint_ != nullptr ? endpoint_->peer.to_address(Transport::udp) : Address().with_transport(Transport::udp);
}

Result<std::uint64_t> DatagramSocket::receive_queue_drops() const {
    if (!is_open()) {
        return fail(std::errc::operation_canceled);
    }
    std::array<std::uint32_t, SK_MEMINFO_VARS> information{};
    socklen_t length = sizeof(information);
    if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, information.data(), &length) != 0) {
        return fail_errno(errno);
    }
    return information[SK_MEMINFO_DROPS];
}

int DatagramSocket::fd() const noexcept {
    return endpoint_ != nullptr ? endpoint_->fd.get() : -1;
}

}  // namespace mynah::net
