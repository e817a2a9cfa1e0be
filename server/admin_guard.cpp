#include "server/admin_guard.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/admin_address.hpp"

namespace mynah::server {
namespace {

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

bool is_port(std::string_view text) {
    return text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::string> host_of(std::string_view authority) {
    std::string_view host = authority;
    std::string_view rest;
    const bool in_brackets = authority.starts_with('[');
    if (in_brackets) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        host = authority.substr(1, end - 1);
        rest = authority.substr(end + 1);
    } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        rest = authority.substr(colon);
    }
    if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1)))) {
        return std::nullopt;
    }
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    if (!is_host_name(host) || (host.find(':') != std::string_view::npos) != in_brackets) {
        return std::nullopt;
    }
    return lower_case(host);
}

AdminGuard::AdminGuard(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {
    for (std::string& host : hosts_) {
        host = lower_case(host);
    }
}

std::optional<AdminRefusal> AdminGuard::refuse(const AdminRequest& request) const {
    if (request.method != "GET" && request.method != "HEAD") {
        return AdminRefusal{.status = 405, .text = "only GET and HEAD are answered here"};
    }
    if (request.has_body) {
        return AdminRefusal{.status = 413, .text = "a request with a body is not answered here"};
    }
    // A browser always sends HTTP/1.1 and a Host; health checks of load balancers may do neither.
    if (request.hosts.size() > 1 || (request.hosts.empty() && request.version != "HTTP/1.0")) {
        return AdminRefusal{.status = 400, .text = "a request needs one Host"};
    }
    if (!request.hosts.empty()) {
        const auto host = host_of(request.hosts.front());
        if (!host) {
            return AdminRefusal{.status = 400, .text = "the request's Host is malformed"};
        }
        if (!is_ours(*host, request.local_host)) {
            return AdminRefusal{.status = 403,
                                .text = "this Host is not answered here; admin.hosts lists further ones"};
        }
    }
    const bool is_foreign = request.origin && (request.hosts.empty() ||
                                               lower_case(*request.origin) != "http://" + lower_case(request.hosts[0]));
    if (is_foreign || (request.fetch_site && *request.fetch_site != "none" && *request.fetch_site != "same-origin")) {
        return AdminRefusal{.status = 403, .text = "pages of other sites are not answered here"};
    }
    return std::nullopt;
}

bool AdminGuard::is_ours(std::string_view host, std::string_view local_host) const {
    return is_loopback_host(host) || host == lower_case(local_host) || std::ranges::find(hosts_, host) != hosts_.end();
}

}  // namespace mynah::server
