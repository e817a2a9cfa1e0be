// address.hpp -- where to listen or to connect.
//
// What     tcp://HOST:PORT and udp://HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets, or a name;
//          unix:///run/mynah.sock, a stream socket at an absolute path; unix://@mynah, one whose name is in Linux's
//          abstract namespace (unix(7)), not in the file system. The @ stands for the NUL byte before such a name.
// Threads  a plain value.
// Errors   parse: one line that names the text and what is wrong with it. A path or name has at most 107 bytes, as
//          sockaddr_un has room for 108 and a NUL is one of them; control characters are refused.
// Cost     one short string.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace mynah::net {

enum class Transport : std::uint8_t {
    tcp,
    udp,
    unix_stream,  // AF_UNIX, SOCK_STREAM
};

/// "tcp", "udp" or "unix".
std::string_view to_string(Transport transport) noexcept;

class Address {
  public:
    enum class Family : std::uint8_t {
        ipv4,
        ipv6,
        name,
        path,      // of a unix socket: host() is the path
        abstract,  // of a unix socket: host() is its name, without the NUL byte in front
        unnamed,   // of a unix socket: what most clients' ends are
    };

    static constexpr std::size_t kLongestUnixBytes = 107;

    /// tcp://0.0.0.0:0
    Address() = default;

    /// "tcp://127.0.0.1:7007", "udp://[::1]:7007", "tcp://localhost:7007", "unix:///run/mynah.sock", "unix://@mynah".
    [[nodiscard]] static std::expected<Address, std::string> parse(std::string_view text);

    /// For code that has a number already; `host` must be what the family says. The transport of a unix family is
    /// unix_stream.
    Address(Family family, std::string host, std::uint16_t port, Transport transport = Transport::tcp);

    Family family() const noexcept { return family_; }
    Transport transport() const noexcept { return transport_; }
    bool is_name() const noexcept { return family_ == Family::name; }
    bool is_unix() const noexcept { return transport_ == Transport::unix_stream; }

    /// Without brackets; a unix socket's path or name.
    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }

    /// The same address with another port.
    Address with_port(std::uint16_t port) const;

    /// The same host and port over another transport; a unix address stays what it is.
    Address with_transport(Transport transport) const;

    /// What parse() reads back as an equal Address, but for an unnamed unix socket, which is "unix://", and where a
    /// peer has chosen a name with control characters: each is shown as '?'.
    std::string to_string() const;

    friend bool operator==(const Address&, const Address&) = default;

  private:
    Family family_ = Family::ipv4;
    Transport transport_ = Transport::tcp;
    std::uint16_t port_ = 0;
    std::string host_ = "0.0.0.0";
};

}  // namespace mynah::net
