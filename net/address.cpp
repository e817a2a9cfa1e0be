#include "net/address.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <asio/ip/address.hpp>

namespace mynah::net {
namespace {

using Failure = std::unexpected<std::string>;

/// The text between quotes, on one line whatever is in it.
std::string quoted(std::string_view text) {
    constexpr std::size_t kLongest = 200;
    std::string result = "'";
    for (const char c : text.substr(0, kLongest)) {
        const bool printable = c >= ' ' && c <= '~';
        result += printable ? c : '?';
    }
    return result + (text.size() > kLongest ? "...'" : "'");
}

Failure refuse(std::string_view text, std::string_view reason) {
    return Failure("address " + quoted(text) + ": " + std::string(reason));
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
    std::uint16_t port = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, port);
    if (error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return port;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_label_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/// RFC 1123: labels of letters, digits and hyphens; an underscore is tolerated, as resolvers do.
bool is_name(std::string_view host) {
    constexpr std::size_t kLongestName = 253;
    constexpr std::size_t kLongestLabel = 63;
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    if (host.empty() || host.size() > kLongestName) {
        return false;
    }
    std::string_view label;
    while (!host.empty()) {
        const std::size_t end = std::min(host.find('.'), host.size());
        label = host.substr(0, end);
        if (label.empty() || label.size() > kLongestLabel || label.front() == '-' || label.back() == '-' ||
            !std::all_of(label.begin(), label.end(), is_label_character)) {
            return false;
        }
        host.remove_prefix(std::min(end + 1, host.size()));
    }
    // A name whose last label is a number is an IPv4 address gone wrong (127.0.0.300, 10.1).
    return !std::all_of(label.begin(), label.end(), is_digit);
}

/// HOST and PORT of "HOST:PORT" or "[HOST]:PORT".
struct Parts {
    std::string_view host;
    std::string_view port;
    bool bracketed = false;
};

std::expected<Parts, std::string_view> split(std::string_view authority) {
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) {
            return std::unexpected("']' is missing");
        }
        const std::string_view rest = authority.substr(end + 1);
        if (!rest.starts_with(':')) {
            return std::unexpected("no port after ']'; write [::1]:7007");
        }
        return Parts{.host = authority.substr(1, end - 1), .port = rest.substr(1), .bracketed = true};
    }
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos) {
        return std::unexpected("no port; write HOST:PORT");
    }
    if (authority.find(':') != colon) {
        return std::unexpected("an IPv6 address must stand in brackets, as in [::1]:7007");
    }
    return Parts{.host = authority.substr(0, colon), .port = authority.substr(colon + 1)};
}

std::expected<Address, std::string_view> parse_authority(std::string_view authority, Transport transport) {
    const std::expected<Parts, std::string_view> parts = split(authority);
    if (!parts) {
        return std::unexpected(parts.error());
    }
    const std::optional<std::uint16_t> port = parse_port(parts->port);
    if (!port) {
        return std::unexpected("the port must be a number from 0 to 65535");
    }
    if (parts->host.empty()) {
        return std::unexpected("no host; write HOST:PORT");
    }
    if (parts->host.find('\0') != std::string_view::npos) {
        return std::unexpected("a NUL byte in the host");  // make_address would stop there
    }
    std::error_code error;
    const asio::ip::address numeric = asio::ip::make_address(std::string(parts->host), error);
    if (parts->bracketed) {
        if (error || !numeric.is_v6()) {
            return std::unexpected("not an IPv6 address between the brackets");
        }
        return Address(Address::Family::ipv6, numeric.to_string(), *port, transport);
    }
    if (!error) {
        return Address(Address::Family::ipv4, numeric.to_string(), *port, transport);
    }
    if (!is_name(parts->host)) {
        return std::unexpected("neither an IPv4 address nor a host name");
    }
    return Address(Address::Family::name, std::string(parts->host), *port, transport);
}

bool is_control(char c) {
    return (c >= '\0' && c < ' ') || c == '\x7f';
}

std::expected<Address, std::string> parse_unix(std::string_view text) {
    const bool abstract = text.starts_with('@');
    const std::string_view name = abstract ? text.substr(1) : text;
    if (name.empty()) {
        return Failure(abstract ? "no name after '@'; write unix://@mynah"
                                : "no path; write unix:///run/mynah.sock, or unix://@mynah for an abstract name");
    }
    if (!abstract && !name.starts_with('/')) {
        return Failure("the path must be absolute, as in unix:///run/mynah.sock");
    }
    if (name.contains('\0')) {
        return Failure("a NUL byte in the path");
    }
    if (std::any_of(name.begin(), name.end(), is_control)) {
        return Failure("a control character in the path");
    }
    if (name.size() > Address::kLongestUnixBytes) {
        return Failure("too long: " + std::to_string(name.size()) + " bytes, a unix socket's " +
                       (abstract ? "name" : "path") + " has at most " + std::to_string(Address::kLongestUnixBytes));
    }
    return Address(abstract ? Address::Family::abstract : Address::Family::path, std::string(name), 0);
}

bool is_unix_family(Address::Family family) {
    return family == Address::Family::path || family == Address::Family::abstract || family == Address::Family::unnamed;
}

constexpr std::string_view kForms = "; write tcp://HOST:PORT, udp://HOST:PORT or unix:///PATH";

}  // namespace

std::string_view to_string(Transport transport) noexcept {
    switch (transport) {
        case Transport::tcp:
            return "tcp";
        case Transport::udp:
            return "udp";
        case Transport::unix_stream:
            return "unix";
    }
    return "";
}

Address::Address(Family family, std::string host, std::uint16_t port, Transport transport)
    : family_(family),
      transport_(is_unix_family(family) ? Transport::unix_stream : transport),
      port_(port),
      host_(std::move(host)) {}

std::expected<Address, std::string> Address::parse(std::string_view text) {
    const std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) {
        return refuse(text, "no transport" + std::string(kForms));
    }
    const std::string_view scheme = text.substr(0, scheme_end);
    const std::string_view rest = text.substr(scheme_end + 3);
    if (scheme == "unix") {
        std::expected<Address, std::string> address = parse_unix(rest);
        return address ? address : refuse(text, address.error());
    }
    if (scheme != "tcp" && scheme != "udp") {
        return refuse(text, "unknown transport " + quoted(scheme) + std::string(kForms));
    }
    std::expected<Address, std::string_view> address =
        parse_authority(rest, scheme == "udp" ? Transport::udp : Transport::tcp);
    if (!address) {
        return refuse(text, address.error());
    }
    return *std::move(address);
}

Address Address::with_port(std::uint16_t port) const {
    return {family_, host_, port, transport_};
}

Address Address::with_transport(Transport transport) const {
    return {family_, host_, port_, transport};
}

std::string Address::to_string() const {
    const std::string scheme = std::string(net::to_string(transport_)) + "://";
    if (is_unix()) {
        std::string shown = family_ == Family::abstract ? "@" + host_ : host_;
        std::replace_if(shown.begin(), shown.end(), is_control, '?');
        return scheme + shown;
    }
    const std::string host = family_ == Family::ipv6 ? "[" + host_ + "]" : host_;
    return scheme + host + ":" + std::to_string(port_);
}

}  // namespace mynah::net
