// admin_guard.hpp -- whom the admin listener answers: nobody's web page but its own.
// What     A page of any web site can make its reader's browser send requests to 127.0.0.1, and, once its own name has
//          been pointed there (DNS rebinding), read the answers. Such requests name a foreign Host, or say in Origin or
//          Sec-Fetch-Site where they come from. Hosts that are answered: "localhost", addresses of the loopback, the
//          address that the request came in at, and the names in admin.hosts.
// Threads  any: constant once made.
// Errors   a Refusal is a value: a status of HTTP and one line for the body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mynah::server {

/// What tells of a request where it comes from; views into whoever holds the request.
struct AdminRequest {
    std::string_view method;
    std::string_view version = "HTTP/1.1";
    std::vector<std::string_view> hosts = {};  // the values of Host; more than one is a mistake
    std::optional<std::string_view> origin = {};
    std::optional<std::string_view> fetch_site = {};  // Sec-Fetch-Site
    bool has_body = false;
    std::string_view local_host = {};  // the address it came in at, without a port; IPv6 without brackets
};

struct AdminRefusal {
    int status = 0;
    std::string text = {};
};

class AdminGuard {
  public:
    /// `hosts`: names and addresses that are answered as well, without ports; their case does not matter.
    explicit AdminGuard(std::vector<std::string> hosts);

    /// Why the request is not answered; nullopt where it is.
    [[nodiscard]] std::optional<AdminRefusal> refuse(const AdminRequest& request) const;

  private:
    [[nodiscard]] bool is_ours(std::string_view host, std::string_view local_host) const;

    std::vector<std::string> hosts_;  // in lower case
};

/// The host of "HOST:PORT", "HOST", "[IPV6]:PORT" or "[IPV6]": in lower case, without brackets and a dot at its end;
/// nullopt where the text is none of these.
[[nodiscard]] std::optional<std::string> host_of(std::string_view authority);

}  // namespace mynah::server
