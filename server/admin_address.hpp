// admin_address.hpp -- where the admin listener listens: http://HOST:PORT.
// What     parse_admin_address() reads such a URL; is_loopback() tells whether only this machine reaches an address.
// Threads  any: pure functions.
// Errors   nullopt: the text is no such URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/address.hpp"

namespace mynah::server {

/// "http://127.0.0.1:7008", "http://[::1]:0", "http://localhost:7008"; a slash may follow, and no path.
[[nodiscard]] std::optional<net::Address> parse_admin_address(std::string_view url);

/// The URL of an address, without a slash at its end.
[[nodiscard]] std::string admin_url(const net::Address& address);

/// 127.0.0.0/8, ::1, and the name "localhost" (RFC 6761).
[[nodiscard]] bool is_loopback(const net::Address& address);

/// The same for a host alone: a name, an IPv4 address, or an IPv6 address without brackets.
[[nodiscard]] bool is_loopback_host(std::string_view host);

/// Whether the text may be a host in a URL: a name of letters, digits, hyphens, underscores and dots, or an address; an
/// IPv6 address without its brackets.
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace mynah::server
