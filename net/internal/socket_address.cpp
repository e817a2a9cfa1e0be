#include "net/internal/socket_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

#include <asio/ip/address.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/address.hpp"

namespace mynah::net::internal {
namespace {

constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

/// A path ends with a NUL, which the length may or may not count; an abstract name begins with one and may hold more.
SocketAddress from_unix(const Address& address) {
    SocketAddress result;
    result.local.sun_family = AF_UNIX;
    const std::size_t before = address.family() == Address::Family::abstract ? 1 : 0;
    const std::size_t after = address.family() == Address::Family::path ? 1 : 0;
    const std::size_t size = std::min(address.host().size(), sizeof(result.local.sun_path) - 1);
    std::memcpy(&result.local.sun_path[before], address.host().data(), size);
    result.length = static_cast<socklen_t>(kPathOffset + before + size + after);
    if (address.family() == Address::Family::unnamed) {
        result.length = kPathOffset;
    }
    return result;
}

Address to_unix(const sockaddr_un& local, std::size_t length) {
    const std::size_t room = sizeof(local.sun_path);
    const std::size_t size = length <= kPathOffset ? 0 : std::min(length - kPathOffset, room);
    const char* const path = &local.sun_path[0];
    if (size == 0) {
        return {Address::Family::unnamed, std::string(), 0};
    }
    if (path[0] == '\0') {
        return {Address::Family::abstract, std::string(path + 1, size - 1), 0};
    }
    return {Address::Family::path, std::string(path, std::find(path, path + size, '\0')), 0};
}

Address to_ipv4(const sockaddr_in& v4, Transport transport) {
    const asio::ip::address_v4 numeric(ntohl(v4.sin_addr.s_addr));
    return {Address::Family::ipv4, numeric.to_string(), ntohs(v4.sin_port), transport};
}

/// An IPv4 peer of an IPv6 socket is told of by its IPv4 address: one host has one name.
Address to_ipv6(const sockaddr_in6& v6, Transport transport) {
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        const asio::ip::address_v4 v4({bytes[12], bytes[13], bytes[14], bytes[15]});
        return {Address::Family::ipv4, v4.to_string(), ntohs(v6.sin6_port), transport};
    }
    const asio::ip::address_v6 numeric(bytes, v6.sin6_scope_id);
    return {Address::Family::ipv6, numeric.to_string(), ntohs(v6.sin6_port), transport};
}

}  // namespace

std::optional<SocketAddress> SocketAddress::from(const Address& address) {
    if (address.is_name()) {
        return std::nullopt;
    }
    if (address.is_unix()) {
        return from_unix(address);
    }
    std::error_code error;
    const asio::ip::address numeric = asio::ip::make_address(address.host(), error);
    if (error) {
        return std::nullopt;
    }
    SocketAddress result;
    if (numeric.is_v4()) {
        result.v4 = {};
        result.v4.sin_family = AF_INET;
        result.v4.sin_port = htons(address.port());
        result.v4.sin_addr.s_addr = htonl(numeric.to_v4().to_uint());
        result.length = sizeof(sockaddr_in);
        return result;
    }
    const asio::ip::address_v6 v6 = numeric.to_v6();
    const asio::ip::address_v6::bytes_type bytes = v6.to_bytes();
    result.v6 = {};
    result.v6.sin6_family = AF_INET6;
    result.v6.sin6_port = htons(address.port());
    result.v6.sin6_scope_id = static_cast<std::uint32_t>(v6.scope_id());
    static_assert(sizeof(result.v6.sin6_addr) == sizeof(bytes));
    std::memcpy(&result.v6.sin6_addr, bytes.data(), bytes.size());
    result.length = sizeof(sockaddr_in6);
    return result;
}

Address SocketAddress::to_address(Transport transport) const {
    switch (family()) {
        case AF_INET:
            return to_ipv4(v4, transport);
        case AF_INET6:
            return to_ipv6(v6, transport);
        case AF_UNIX:
            return to_unix(local, length);
        default:
            return Address().with_transport(transport);
    }
}

CompactAddress::CompactAddress(const SocketAddress& address) noexcept : v6{}, length(address.length) {
    std::memcpy(&v6, &address.v6, sizeof(v6));
}

Address CompactAddress::to_address(Transport transport) const {
    switch (family()) {
        case AF_INET:
            return to_ipv4(v4, transport);
        case AF_INET6:
            return to_ipv6(v6, transport);
        case AF_UNIX:
            return {Address::Family::unnamed, std::string(), 0};
        default:
            return Address().with_transport(transport);
    }
}

}  // namespace mynah::net::internal
