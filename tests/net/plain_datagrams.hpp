// plain_datagrams.hpp -- what the tests of datagrams share: bound sockets, and a peer that is no code of ours.
#pragma once

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/descriptor.hpp"
#include "net/internal/socket_address.hpp"
#include "net/result.hpp"

namespace mynah::net::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

inline DatagramSocket bound(std::string_view address = "udp://127.0.0.1:0", DatagramOptions options = {}) {
    Result<DatagramSocket> socket = DatagramSocket::bind(*Address::parse(address), options);
    EXPECT_TRUE(socket) << socket.error().message();
    return socket ? *std::move(socket) : DatagramSocket();
}

/// A blocking UDP socket of no code of ours.
class PlainPeer {
  public:
    explicit PlainPeer(int family = AF_INET) : fd_(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }

    void send(std::string_view text, const Address& to) const {
        const auto where = internal::SocketAddress::from(to);
        EXPECT_EQ(::sendto(fd_.get(), text.data(), text.size(), 0, &where->any, where->length),
                  static_cast<ssize_t>(text.size()))
            << std::system_category().message(errno);
    }

    /// nullopt: nothing came.
    std::optional<std::string> receive(int flags = 0) {
        std::string text(70'000, '\0');
        from_ = {};
        const ssize_t count = ::recvfrom(fd_.get(), text.data(), text.size(), flags, &from_.any, &from_.length);
        if (count < 0) {
            return std::nullopt;
        }
        text.resize(static_cast<std::size_t>(count));
        return text;
    }

    /// Where the last one came from.
    Address from() const { return from_.to_address(Transport::udp); }
    Address local() const {
        internal::SocketAddress address;
        ::getsockname(fd_.get(), &address.any, &address.length);
        return address.to_address(Transport::udp);
    }
    int fd() const { return fd_.get(); }

  private:
    Descriptor fd_;
    internal::SocketAddress from_;
};

}  // namespace mynah::net::test
