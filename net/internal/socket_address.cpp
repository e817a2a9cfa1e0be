#include "net/internal/socket_address.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>

#include <asio/ip/address.hpp>
#include <asio/ip/address_v4.hpp>
#include <asio/ip/address_v6.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/address.hpp"

namespace mynah::net::internal {

std::optional<SocketAddress> SocketAddress::from(const Address& address) {
    if (address.is_name()) {
        return std::nullopt;
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
    result.v6.sin6_family = AF_INET6;
    result.v6.sin6_port = htons(address.port());
    result.v6.sin6_scope_id = static_cast<std::uint32_t>(v6.scope_id());
    static_assert(sizeof(result.v6.sin6_addr) == sizeof(bytes));
    std::memcpy(&result.v6.sin6_addr, bytes.data(), bytes.size());
    return result;
}

Address SocketAddress::to_address() const {
    if (family() == AF_INET) {
        const asio::ip::address_v4 numeric(ntohl(v4.sin_addr.s_addr));
        return {Address::Family::ipv4, numeric.to_string(), ntohs(v4.sin_port)};
    }
    if (family() == AF_INET6) {
        asio::ip::address_v6::bytes_type bytes;
        std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
        const asio::ip::address_v6 numeric(bytes, v6.sin6_scope_id);
        return {Address::Family::ipv6, numeric.to_string(), ntohs(v6.sin6_port)};
    }
    return {};
}

}  // namespace mynah::net::internal
