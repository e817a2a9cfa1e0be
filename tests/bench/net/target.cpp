#include "tests/bench/net/target.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Endpoint;
using integration::Socket;

constexpr int kPatienceMilliseconds = 10'000;
constexpr std::uint32_t kSourceAddresses = 250;

Endpoint source_address(std::uint32_t number) {
    return Endpoint::parse("tcp://127.0.1." + std::to_string(1 + number % kSourceAddresses) + ":0");
}

}  // namespace

void fail_with_errno(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

Target Target::parse(std::string_view text) {
    Target target;
    target.datagrams_ = text.starts_with("udp://");
    const std::string address = target.datagrams_ ? "tcp" + std::string(text.substr(3)) : std::string(text);
    target.endpoint_ = Endpoint::parse(address);
    target.made_ = static_cast<std::uint32_t>(::getpid()) * 17;  // not where the process before began
    return target;
}

Socket Target::connect() {
    Socket socket(::socket(endpoint_.storage.ss_family, (datagrams_ ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        fail_with_errno("socket");
    }
    const int yes = 1;
    if (!datagrams_) {
        ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    if (endpoint_.storage.ss_family == AF_INET && endpoint_.text().starts_with("tcp://127.")) {
        const Endpoint source = source_address(made_++);
        ::setsockopt(socket.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        if (::bind(socket.fd(), source.address(), source.length) != 0) {
            fail_with_errno("bind");
        }
    }
    if (::connect(socket.fd(), endpoint_.address(), endpoint_.length) != 0) {
        fail_with_errno("connect");
    }
    return socket;
}

void expect_end(const Socket& socket) {
    pollfd waiting{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    char byte = 0;
    if (::poll(&waiting, 1, kPatienceMilliseconds) != 1) {
        throw std::runtime_error("the server does not end a connection whose peer has");
    }
    const ssize_t got = ::recv(socket.fd(), &byte, 1, MSG_DONTWAIT);
    if (got != 0) {
        throw std::runtime_error(got > 0 ? "the server sent more than it got"
                                         : std::string("instead of the server's FIN: ") + std::strerror(errno));
    }
}

void end_all(std::vector<Socket>& sockets) {
    for (const Socket& socket : sockets) {
        ::shutdown(socket.fd(), SHUT_WR);
    }
    for (const Socket& socket : sockets) {
        expect_end(socket);
    }
    sockets.clear();
}

}  // namespace mynah::bench
