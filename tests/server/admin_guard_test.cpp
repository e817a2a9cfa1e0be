#include "server/admin_guard.hpp"

#include <optional>
#include <string_view>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

AdminRequest asking(std::string_view host) {
    return {.method = "GET", .hosts = {host}, .local_host = "192.0.2.1"};
}

int status_of(const AdminGuard& guard, const AdminRequest& request) {
    const auto refusal = guard.refuse(request);
    return refusal ? refusal->status : 200;
}

TEST(AdminGuard, HostsOfTheLoopbackTheAddressAndTheConfigurationAreAnswered) {
    const AdminGuard guard({"Echo-1.example.org", "2001:db8::1"});
    for (const char* host : {"localhost", "LocalHost:7008", "localhost.", "127.0.0.1:7008", "127.0.0.2", "[::1]:7008",
                             "[::1]", "192.0.2.1", "192.0.2.1:80", "echo-1.EXAMPLE.org:80", "[2001:DB8::1]:80"}) {
        EXPECT_EQ(status_of(guard, asking(host)), 200) << host;
    }
}

TEST(AdminGuard, ForeignHostsAreRefused) {
    const AdminGuard guard({"echo-1.example.org"});
    for (const char* host : {"evil.example", "evil.example:7008", "192.0.2.2", "localhost.evil.example",
                             "127.0.0.1.evil.example", "[::2]:7008", "example.org"}) {
        EXPECT_EQ(status_of(guard, asking(host)), 403) << host;
    }
}

TEST(AdminGuard, MalformedMissingAndDoubleHostsAreMistakes) {
    const AdminGuard guard({});
    for (const char* host : {"", ":80", "a b", "[::1", "[::1]x", "[localhost]", "localhost:99999999", "localhost:x",
                             "user@localhost", "::1"}) {
        EXPECT_EQ(status_of(guard, asking(host)), 400) << host;
    }
    AdminRequest request{.method = "GET"};
    EXPECT_EQ(status_of(guard, request), 400);
    request.hosts = {"localhost", "evil.example"};
    EXPECT_EQ(status_of(guard, request), 400);
}

TEST(AdminGuard, AHealthCheckOfHttp10NeedsNoHost) {
    const AdminGuard guard({});
    AdminRequest request{.method = "GET", .version = "HTTP/1.0"};
    EXPECT_EQ(status_of(guard, request), 200);
    request.origin = "http://evil.example";
    EXPECT_EQ(status_of(guard, request), 403);
    request.origin.reset();
    request.hosts = {"evil.example"};
    EXPECT_EQ(status_of(guard, request), 403);
}

TEST(AdminGuard, PagesOfOtherSitesAreRefused) {
    const AdminGuard guard({});
    AdminRequest request = asking("127.0.0.1:7008");
    for (const char* ours : {"http://127.0.0.1:7008", "HTTP://127.0.0.1:7008"}) {
        request.origin = ours;
        EXPECT_EQ(status_of(guard, request), 200) << ours;
    }
    for (const char* foreign : {"http://127.0.0.1:3000", "https://127.0.0.1:7008", "http://localhost:7008", "null", "",
                                "http://evil.example", "http://127.0.0.1:7008.evil.example"}) {
        request.origin = foreign;
        EXPECT_EQ(status_of(guard, request), 403) << foreign;
    }
    request.origin.reset();
    for (const char* site : {"cross-site", "same-site", ""}) {
        request.fetch_site = site;
        EXPECT_EQ(status_of(guard, request), 403) << site;
    }
    for (const char* site : {"none", "same-origin"}) {
        request.fetch_site = site;
        EXPECT_EQ(status_of(guard, request), 200) << site;
    }
}

TEST(AdminGuard, OnlyGetAndHeadWithoutABodyAreAnswered) {
    const AdminGuard guard({});
    AdminRequest request = asking("localhost");
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "get", ""}) {
        request.method = method;
        EXPECT_EQ(status_of(guard, request), 405) << method;
    }
    request.method = "HEAD";
    EXPECT_EQ(status_of(guard, request), 200);
    request.has_body = true;
    EXPECT_EQ(status_of(guard, request), 413);
}

TEST(AdminGuard, HostOfAnAuthorityHasNoPortBracketsOrCapitals) {
    EXPECT_EQ(host_of("A.Example:80"), "a.example");
    EXPECT_EQ(host_of("a.example:"), "a.example");  // RFC 3986: a port may be empty
    EXPECT_EQ(host_of("[2001:DB8::1]:80"), "2001:db8::1");
    EXPECT_EQ(host_of("2001:db8::1"), std::nullopt);
}

}  // namespace
}  // namespace mynah::server
