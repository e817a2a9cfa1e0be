// address.hpp -- where to listen or to connect.
//
// What     tcp://HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets, or a name.
// Threads  a plain value.
// Errors   parse: one line that names the text and what is wrong with it.
// Cost     one short string.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace mynah::net {

class Address {
  public:
    enum class Family : std::uint8_t { ipv4, ipv6, name };

    /// tcp://0.0.0.0:0
    Address() = default;

    /// "tcp://127.0.0.1:7007", "tcp://[::1]:7007", "tcp://localhost:7007". udp:// and unix:// are refused: not in this
    /// version.
    [[nodiscard]] static std::expected<Address, std::string> parse(std::string_view text);

    /// For code that has a number already; `host` must be what the family says.
    Address(Family family, std::string host, std::uint16_t port);

    Family family() const noexcept { return family_; }
    bool is_name() const noexcept { return family_ == Family::name; }

    /// Without brackets.
    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }

    /// The same address with another port.
    Address with_port(std::uint16_t port) const;

    /// What parse() reads back as an equal Address.
    std::string to_string() const;

    friend bool operator==(const Address&, const Address&) = default;

  private:
    Family family_ = Family::ipv4;
    std::uint16_t port_ = 0;
    std::string host_ = "0.0.0.0";
};

}  // namespace mynah::net
