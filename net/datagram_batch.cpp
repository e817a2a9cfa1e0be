#include "net/datagram_batch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/address.hpp"
#include "net/internal/buffer_pool.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"

namespace mynah::net {
namespace {

using internal::CompactAddress;
using internal::SocketAddress;

constexpr std::size_t kControlBytes = 64;
static_assert(kControlBytes >= CMSG_SPACE(sizeof(in6_pktinfo)) && kControlBytes >= CMSG_SPACE(sizeof(in_pktinfo)));

struct alignas(cmsghdr) Control {
    std::byte data[kControlBytes];
};

/// Bytes of one datagram's description; its own bytes stand behind those of all.
constexpr std::size_t kEntryBytes = sizeof(mmsghdr) + sizeof(iovec) + sizeof(CompactAddress) + sizeof(Control);

const CompactAddress& peer_of(const msghdr& header) noexcept {
    return *static_cast<const CompactAddress*>(header.msg_name);
}

/// The packet information of a received datagram, if there is any. in_pktinfo and in6_pktinfo (ip(7), ipv6(7)).
template <class Info>
Info* packet_info(msghdr& header, int level, int type) noexcept {
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level == level && each->cmsg_type == type) {
            return static_cast<Info*>(static_cast<void*>(CMSG_DATA(each)));
        }
    }
    return nullptr;
}

/// Makes of "where it was sent to" the kernel's "where the answer leaves from": through whichever interface leads
/// there, unless the address means something on one interface only.
void answer_from_there(msghdr& header) noexcept {
    if (in_pktinfo* v4 = packet_info<in_pktinfo>(header, IPPROTO_IP, IP_PKTINFO); v4 != nullptr) {
        v4->ipi_ifindex = 0;
        return;
    }
    in6_pktinfo* const v6 = packet_info<in6_pktinfo>(header, IPPROTO_IPV6, IPV6_PKTINFO);
    if (v6 == nullptr || IN6_IS_ADDR_MULTICAST(&v6->ipi6_addr)) {
        header.msg_control = nullptr;
        header.msg_controllen = 0;
    } else if (!IN6_IS_ADDR_LINKLOCAL(&v6->ipi6_addr)) {
        v6->ipi6_ifindex = 0;
    }
}

}  // namespace

/// The arrays that stand one behind the other in memory_, and the room for bytes behind them.
struct DatagramBatch::Parts {
    mmsghdr* headers;
    iovec* pieces;
    CompactAddress* peers;
    Control* controls;
    std::byte* slots;
};

DatagramBatch::Parts DatagramBatch::parts_of(const Lease& memory, std::size_t capacity) noexcept {
    // The order is that of falling alignment, and each size is a multiple of the next one's alignment.
    static_assert(sizeof(mmsghdr) % alignof(iovec) == 0 && sizeof(iovec) % alignof(Control) == 0 &&
                  sizeof(Control) % alignof(CompactAddress) == 0);
    std::byte* const start = const_cast<std::byte*>(memory.bytes().data());
    std::byte* const pieces = start + capacity * sizeof(mmsghdr);
    std::byte* const controls = pieces + capacity * sizeof(iovec);
    std::byte* const peers = controls + capacity * sizeof(Control);
    return {.headers = static_cast<mmsghdr*>(static_cast<void*>(start)),
            .pieces = static_cast<iovec*>(static_cast<void*>(pieces)),
            .peers = static_cast<CompactAddress*>(static_cast<void*>(peers)),
            .controls = static_cast<Control*>(static_cast<void*>(controls)),
            .slots = peers + capacity * sizeof(CompactAddress)};
}

void DatagramBatch::allocate(std::size_t capacity, std::size_t slot_bytes) {
    memory_ = Lease::take(capacity * (kEntryBytes + slot_bytes));
    capacity_ = capacity;
    headers_ = parts_of(memory_, capacity).headers;
    size_ = 0;
}

/// As many as there is room for in the largest buffer, but one in any case.
void DatagramBatch::prepare_receive(std::size_t count, std::size_t slot_bytes) {
    const std::size_t room = internal::kLargestBuffer / (kEntryBytes + slot_bytes);
    allocate(std::clamp<std::size_t>(count, 1, std::min(kMost, room)), slot_bytes);
    const Parts parts = parts_of(memory_, capacity_);
    for (std::size_t i = 0; i < capacity_; ++i) {
        parts.pieces[i] = {.iov_base = parts.slots + i * slot_bytes, .iov_len = slot_bytes};
        parts.headers[i] = {};
        msghdr& header = parts.headers[i].msg_hdr;
        header.msg_name = &parts.peers[i];
        header.msg_namelen = sizeof(sockaddr_in6);
        header.msg_iov = &parts.pieces[i];
        header.msg_iovlen = 1;
        if (tells_local_) {
            header.msg_control = &parts.controls[i];
            header.msg_controllen = sizeof(Control);
        }
    }
}

void DatagramBatch::prepare_send() noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
        msghdr& header = headers_[i].msg_hdr;
        header.msg_iov->iov_len = headers_[i].msg_len;
        header.msg_flags = 0;
        if (header.msg_control != nullptr) {
            answer_from_there(header);
        }
    }
}

mmsghdr* DatagramBatch::append(std::span<const std::byte> bytes) {
    if (headers_ == nullptr) {
        allocate(kMost, 0);
    }
    if (size_ == capacity_) {
        return nullptr;
    }
    const Parts parts = parts_of(memory_, capacity_);
    // sendmsg(2) reads through this pointer only.
    parts.pieces[size_] = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    mmsghdr& added = parts.headers[size_];
    added = {};
    added.msg_hdr.msg_iov = &parts.pieces[size_];
    added.msg_hdr.msg_iovlen = 1;
    added.msg_len = static_cast<unsigned>(bytes.size());
    ++size_;
    return &added;
}

bool DatagramBatch::add(std::span<const std::byte> bytes, const Address& peer) {
    const std::optional<SocketAddress> where =
        peer.transport() == Transport::udp ? SocketAddress::from(peer) : std::nullopt;
    if (!where) {
        return false;
    }
    mmsghdr* const added = append(bytes);
    if (added == nullptr) {
        return false;
    }
    CompactAddress& kept = parts_of(memory_, capacity_).peers[size_ - 1];
    kept = CompactAddress(*where);
    added->msg_hdr.msg_name = &kept;
    added->msg_hdr.msg_namelen = where->length;
    return true;
}

bool DatagramBatch::add(std::span<const std::byte> bytes) {
    return append(bytes) != nullptr;
}

std::span<const std::byte> DatagramBatch::bytes(std::size_t index) const noexcept {
    const mmsghdr& header = headers_[index];
    return {static_cast<const std::byte*>(header.msg_hdr.msg_iov->iov_base), header.msg_len};
}

std::span<std::byte> DatagramBatch::writable_bytes(std::size_t index) noexcept {
    const mmsghdr& header = headers_[index];
    return {static_cast<std::byte*>(header.msg_hdr.msg_iov->iov_base), header.msg_len};
}

DatagramBatch DatagramBatch::copy(std::size_t index) const {
    const mmsghdr& from = headers_[index];
    DatagramBatch one;
    one.tells_local_ = from.msg_hdr.msg_control != nullptr;
    one.prepare_receive(1, from.msg_len);
    one.size_ = 1;
    mmsghdr& to = one.headers_[0];
    to.msg_len = from.msg_len;
    to.msg_hdr.msg_flags = from.msg_hdr.msg_flags;
    std::ranges::copy(bytes(index), one.writable_bytes(0).begin());
    if (from.msg_hdr.msg_name != nullptr) {
        std::memcpy(to.msg_hdr.msg_name, from.msg_hdr.msg_name, sizeof(CompactAddress));
        to.msg_hdr.msg_namelen = from.msg_hdr.msg_namelen;
    } else {
        to.msg_hdr.msg_name = nullptr;
        to.msg_hdr.msg_namelen = 0;
    }
    if (one.tells_local_) {
        std::memcpy(to.msg_hdr.msg_control, from.msg_hdr.msg_control, from.msg_hdr.msg_controllen);
        to.msg_hdr.msg_controllen = from.msg_hdr.msg_controllen;
    }
    return one;
}

std::string_view DatagramBatch::text(std::size_t index) const noexcept {
    const std::span<const std::byte> all = bytes(index);
    return {static_cast<const char*>(static_cast<const void*>(all.data())), all.size()};
}

bool DatagramBatch::is_truncated(std::size_t index) const noexcept {
    return (headers_[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

Address DatagramBatch::peer(std::size_t index) const {
    const msghdr& header = headers_[index].msg_hdr;
    return header.msg_name == nullptr ? Address().with_transport(Transport::udp)
                                      : peer_of(header).to_address(Transport::udp);
}

std::uint16_t DatagramBatch::peer_port(std::size_t index) const noexcept {
    const msghdr& header = headers_[index].msg_hdr;
    // Both families have the port at the same place.
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    return header.msg_name == nullptr ? std::uint16_t{0} : ntohs(peer_of(header).v4.sin_port);
}

DatagramBatch::Host DatagramBatch::peer_host(std::size_t index) const noexcept {
    Host host{};
    const msghdr& header = headers_[index].msg_hdr;
    if (header.msg_name == nullptr) {
        return host;
    }
    const CompactAddress& peer = peer_of(header);
    if (peer.family() == AF_INET6) {
        std::memcpy(host.data(), &peer.v6.sin6_addr, host.size());
    } else {
        host[10] = host[11] = std::byte{0xff};
        std::memcpy(&host[12], &peer.v4.sin_addr, sizeof(peer.v4.sin_addr));
    }
    return host;
}

bool DatagramBatch::is_to_many(std::size_t index) const noexcept {
    msghdr& header = headers_[index].msg_hdr;
    if (header.msg_control == nullptr) {
        return false;
    }
    if (const in_pktinfo* v4 = packet_info<in_pktinfo>(header, IPPROTO_IP, IP_PKTINFO); v4 != nullptr) {
        // What answers to a broadcast or multicast is another address than it was sent to.
        return v4->ipi_addr.s_addr != v4->ipi_spec_dst.s_addr;
    }
    const in6_pktinfo* v6 = packet_info<in6_pktinfo>(header, IPPROTO_IPV6, IPV6_PKTINFO);
    return v6 != nullptr && IN6_IS_ADDR_MULTICAST(&v6->ipi6_addr);
}

}  // namespace mynah::net
