// socket_address.hpp -- an Address in the form that the system calls take.
#pragma once

#include <cstddef>
#include <optional>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/address.hpp"

namespace mynah::net::internal {

/// IPv4, IPv6 or unix. `length` is what the kernel was told or has told.
struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
    };
    socklen_t length;

    SocketAddress() noexcept : local{}, length(sizeof(sockaddr_un)) {}

    int family() const noexcept { return any.sa_family; }

    /// nullopt for a name, or text that is no address.
    static std::optional<SocketAddress> from(const Address& address);

    /// `transport` is that of the socket; a unix address has its own.
    Address to_address(Transport transport = Transport::tcp) const;
};

/// What is kept of an address for as long as a connection lives: an IPv4 or IPv6 address, and of a unix address no more
/// than that it is one. A connection's end has 32 bytes for this, in place of the 112 that a path may take.
struct CompactAddress {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    };
    socklen_t length;

    CompactAddress() noexcept : v6{}, length(sizeof(sockaddr_in6)) {}
    explicit CompactAddress(const SocketAddress& address) noexcept;

    int family() const noexcept { return any.sa_family; }
    Address to_address(Transport transport = Transport::tcp) const;
};

}  // namespace mynah::net::internal
