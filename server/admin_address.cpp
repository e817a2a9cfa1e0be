#include "server/admin_address.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/address.hpp"

namespace mynah::server {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kLongestHostBytes = 253;  // RFC 1035, without the dot at its end

}  // namespace

std::optional<net::Address> parse_admin_address(std::string_view url) {
    if (!url.starts_with(kScheme)) {
        return std::nullopt;
    }
    url.remove_prefix(kScheme.size());
    if (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    const auto address = net::Address::parse("tcp://" + std::string(url));
    return address ? std::optional(*address) : std::nullopt;
}

std::string admin_url(const net::Address& address) {
    const std::string text = address.to_string();
    return std::string(kScheme) + text.substr(text.find("://") + 3);
}

bool is_loopback(const net::Address& address) {
    return !address.is_unix() && is_loopback_host(address.host());
}

bool is_loopback_host(std::string_view host) {
    const std::string text(host);
    in_addr ipv4{};
    if (::inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
        return (ntohl(ipv4.s_addr) >> 24U) == IN_LOOPBACKNET;
    }
    in6_addr ipv6{};
    if (::inet_pton(AF_INET6, text.c_str(), &ipv6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&ipv6);
    }
    return text == "localhost";
}

bool is_host_name(std::string_view text) {
    in6_addr ipv6{};
    if (::inet_pton(AF_INET6, std::string(text).c_str(), &ipv6) == 1) {
        return true;
    }
    return !text.empty() && text.size() <= kLongestHostBytes && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

}  // namespace mynah::server
