#include "tests/integration/endpoint.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mynah::integration {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

std::uint16_t parse_port(std::string_view digits) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        throw std::runtime_error("no port: " + std::string(digits));
    }
    return port;
}

std::uint16_t port_of(const sockaddr_storage& storage) {
    // Both families have the port at the same place, in network order.
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    return ntohs(address.sin_port);
}

constexpr std::string_view kUnixScheme = "unix://";
constexpr std::size_t kSchemeSize = 6;  // tcp:// and udp://

template <class SocketAddress>
void store(Endpoint& endpoint, const SocketAddress& address) {
    std::memcpy(&endpoint.storage, &address, sizeof address);
    endpoint.length = sizeof address;
}

Endpoint parse_unix(std::string_view text) {
    const std::string_view path = text.substr(kUnixScheme.size());
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        throw std::runtime_error("no endpoint: " + std::string(text));
    }
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path[0], path.data(), path.size());
    std::size_t length = offsetof(sockaddr_un, sun_path) + path.size();
    if (path.starts_with('@')) {
        address.sun_path[0] = '\0';
    } else {
        ++length;
    }
    Endpoint endpoint;
    store(endpoint, address);
    endpoint.length = static_cast<socklen_t>(length);
    endpoint.scheme = kUnixScheme;
    return endpoint;
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
    if (text.starts_with(kUnixScheme)) {
        return parse_unix(text);
    }
    const std::size_t colon = text.rfind(':');
    const bool known = text.starts_with("tcp://") || text.starts_with("udp://");
    if (!known || colon == std::string_view::npos || colon <= kSchemeSize) {
        throw std::runtime_error("no endpoint: " + std::string(text));
    }
    std::string host(text.substr(kSchemeSize, colon - kSchemeSize));
    const std::uint16_t port = parse_port(text.substr(colon + 1));
    Endpoint endpoint;
    endpoint.scheme = text.substr(0, kSchemeSize);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) {
            throw std::runtime_error("no IPv6 address: " + host);
        }
        store(endpoint, address);
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
            throw std::runtime_error("no IPv4 address: " + host);
        }
        store(endpoint, address);
    }
    return endpoint;
}

std::uint16_t Endpoint::port() const {
    return port_of(storage);
}

std::string Endpoint::text() const {
    if (storage.ss_family == AF_UNIX) {
        sockaddr_un address{};
        std::memcpy(&address, &storage, sizeof address);
        const std::string_view path(&address.sun_path[0], length - offsetof(sockaddr_un, sun_path));
        return std::string(kUnixScheme) + (path.starts_with('\0') ? "@" + std::string(path.substr(1))
                                                                  : std::string(path.substr(0, path.find('\0'))));
    }
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage, sizeof address);
        ::inet_ntop(AF_INET6, &address.sin6_addr, host.data(), host.size());
        return scheme + "[" + std::string(host.data()) + "]:" + std::to_string(port());
    }
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    ::inet_ntop(AF_INET, &address.sin_addr, host.data(), host.size());
    return scheme + std::string(host.data()) + ":" + std::to_string(port());
}

const sockaddr* Endpoint::address() const {
    return std::bit_cast<const sockaddr*>(&storage);
}

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

std::uint16_t Socket::local_port() const {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd_, std::bit_cast<sockaddr*>(&storage), &length) != 0) {
        fail("getsockname");
    }
    return port_of(storage);
}

int Socket::take_error() const {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

void Socket::close() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

void Socket::close_with_reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

Socket connect_to(const Endpoint& endpoint, Connect mode, const ConnectOptions& options) {
    const int flags = mode == Connect::non_blocking ? SOCK_NONBLOCK : 0;
    Socket socket(::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!socket.is_open()) {
        fail("socket");
    }
    const int yes = 1;
    ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (options.receive_buffer_bytes > 0) {
        ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes,
                     sizeof options.receive_buffer_bytes);
    }
    if (!options.from_host.empty()) {
        const Endpoint from = Endpoint::parse("tcp://" + options.from_host + ":0");
        if (::bind(socket.fd(), from.address(), from.length) != 0) {
            fail("bind");
        }
    }
    if (::connect(socket.fd(), endpoint.address(), endpoint.length) != 0 && errno != EINPROGRESS) {
        fail("connect");
    }
    return socket;
}

bool accepts_connections(const Endpoint& endpoint) {
    const Socket socket(::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        fail("socket");
    }
    return ::connect(socket.fd(), endpoint.address(), endpoint.length) == 0;
}

LoopbackListener listen_on_loopback() {
    LoopbackListener listener;
    listener.socket = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    listener.endpoint = Endpoint::parse("tcp://127.0.0.1:0");
    socklen_t length = listener.endpoint.length;
    if (::bind(listener.socket.fd(), listener.endpoint.address(), length) != 0 ||
        ::listen(listener.socket.fd(), SOMAXCONN) != 0 ||
        ::getsockname(listener.socket.fd(), std::bit_cast<sockaddr*>(&listener.endpoint.storage), &length) != 0) {
        fail("listen");
    }
    return listener;
}

std::vector<std::uint64_t> unread_bytes(std::uint16_t port) {
    // By both ends: who reads on at the end of the table is placed by the number of rows, and sees the last ones again
    // where connections were made meanwhile.
    std::map<std::string, std::uint64_t> by_ends;
    std::ifstream table("/proc/net/tcp");
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        std::istringstream words(line);
        std::string number;
        std::string local;
        std::string remote;
        std::string state;
        std::string queues;
        words >> number >> local >> remote >> state >> queues;
        constexpr const char* kEstablished = "01";
        if (state == kEstablished && std::stoul(local.substr(local.find(':') + 1), nullptr, 16) == port) {
            by_ends[local + ' ' + remote] = std::stoul(queues.substr(queues.find(':') + 1), nullptr, 16);
        }
    }
    const auto values = by_ends | std::views::values;
    return {values.begin(), values.end()};
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

}  // namespace mynah::integration
