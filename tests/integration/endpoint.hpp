// endpoint.hpp -- where a program under test listens, and plain sockets to it.
//
// What     Endpoint parses what a program prints (`tcp://127.0.0.1:43121`, `udp://[::1]:43121`, `unix:///PATH`) with
//          inet_pton alone, so that the tests share no parser with the programs. Socket owns a descriptor.
// Threads  a Socket belongs to one thread.
// Errors   std::runtime_error when a text is no endpoint or a socket cannot be made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace mynah::integration {

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t length = 0;
    std::string scheme = "tcp://";

    static Endpoint parse(std::string_view text);
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string text() const;  // as the programs' command lines take it
    [[nodiscard]] const sockaddr* address() const;
};

class Socket {
  public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] std::uint16_t local_port() const;
    // The pending error of the socket, taken from it: 0, ECONNRESET, ...
    [[nodiscard]] int take_error() const;
    void close();
    void close_with_reset();

  private:
    int fd_ = -1;
};

enum class Connect { blocking, non_blocking };

struct ConnectOptions {
    int receive_buffer_bytes = 0;  // 0: the kernel's choice
    std::string from_host;         // IPv4 address to come from; empty: the kernel's choice
};

// A connected socket, or one that is connecting when non_blocking.
Socket connect_to(const Endpoint& endpoint, Connect mode, const ConnectOptions& options = {});

// Whether a connection to the endpoint is taken, or refused.
bool accepts_connections(const Endpoint& endpoint);

// A listening socket on 127.0.0.1, port of the kernel's choice.
struct LoopbackListener {
    Socket socket;
    Endpoint endpoint;
};
LoopbackListener listen_on_loopback();

// Of each TCP connection that is established with that port of ours: how many bytes the kernel holds that nobody has
// read.
std::vector<std::uint64_t> unread_bytes(std::uint16_t port);

// Lets this process hold as many descriptors as the system allows it.
void raise_descriptor_limit();

}  // namespace mynah::integration
