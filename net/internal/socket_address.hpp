// socket_address.hpp -- an Address in the form that the system calls take.
#pragma once

#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/address.hpp"

namespace mynah::net::internal {

/// IPv4 or IPv6. `length` is what the kernel was told or has told.
struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    socklen_t length;

    SocketAddress() noexcept : v6{}, length(sizeof(sockaddr_in6)) {}

    int family() const noexcept { return any.sa_family; }

    /// nullopt for a name, or text that is no address.
    static std::optional<SocketAddress> from(const Address& address);

    Address to_address() const;
};

}  // namespace mynah::net::internal
