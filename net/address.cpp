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
            return std::unexpected("no port after ']'; write tcp://[::1]:7007");
        }
        return Parts{.host = authority.substr(1, end - 1), .port = rest.substr(1), .bracketed = true};
    }
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos) {
        return std::unexpected("no port; write tcp://HOST:PORT");
    }
    if (authority.find(':') != colon) {
        return std::unexpected("an IPv6 address must stand in brackets, as in tcp://[::1]:7007");
    }
    return Parts{.host = authority.substr(0, colon), .port = authority.substr(colon + 1)};
}

std::expected<Address, std::string_view> parse_authority(std::string_view authority) {
    const std::expected<Parts, std::string_view> parts = split(authority);
    if (!parts) {
        return std::unexpected(parts.error());
    }
    const std::optional<std::uint16_t> port = parse_port(parts->port);
    if (!port) {
        return std::unexpected("the port must be a number from 0 to 65535");
    }
    if (parts->host.empty()) {
        return std::unexpected("no host; write tcp://HOST:PORT");
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
        return Address(Address::Family::ipv6, numeric.to_string(), *port);
    }
    if (!error) {
        return Address(Address::Family::ipv4, numeric.to_string(), *port);
    }
    if (!is_name(parts->host)) {
        return std::unexpected("neither an IPv4 address nor a host name");
    }
    return Address(Address::Family::name, std::string(parts->host), *port);
}

}  // namespace

Address::Address(Family family, std::string host, std::uint16_t port)
    : family_(family), port_(port), host_(std::move(host)) {}

std::expected<Address, std::string> Address::parse(std::string_view text) {
    const std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) {
        return refuse(text, "no transport; write tcp://HOST:PORT");
    }
    const std::string_view scheme = text.substr(0, scheme_end);
    if (scheme == "udp" || scheme == "unix") {
        return refuse(text, std::string(scheme) + " is not supported in this version, only tcp is");
    }
    if (scheme != "tcp") {
        return refuse(text, "unknown transport " + quoted(scheme) + "; write tcp://HOST:PORT");
    }
    std::expected<Address, std::string_view> address = parse_authority(text.substr(scheme_end + 3));
    if (!address) {
        return refuse(text, address.error());
    }
    return *std::move(address);
}

Address Address::with_port(std::uint16_t port) const {
    return {family_, host_, port};
}

std::string Address::to_string() const {
    const std::string host = family_ == Family::ipv6 ? "[" + host_ + "]" : host_;
    return "tcp://" + host + ":" + std::to_string(port_);
}

}  // namespace mynah::net
