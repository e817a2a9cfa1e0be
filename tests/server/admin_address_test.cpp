#include "server/admin_address.hpp"

#include <gtest/gtest.h>

#include "net/address.hpp"

namespace mynah::server {
namespace {

TEST(AdminAddress, IsAUrlOfHostAndPort) {
    const auto ipv4 = parse_admin_address("http://127.0.0.1:7008");
    ASSERT_TRUE(ipv4);
    EXPECT_EQ(ipv4->to_string(), "tcp://127.0.0.1:7008");
    EXPECT_EQ(admin_url(*ipv4), "http://127.0.0.1:7008");
    const auto ipv6 = parse_admin_address("http://[::1]:0/");
    ASSERT_TRUE(ipv6);
    EXPECT_EQ(admin_url(*ipv6), "http://[::1]:0");
    EXPECT_TRUE(parse_admin_address("http://localhost:80"));
}

TEST(AdminAddress, IsNothingElse) {
    for (const char* text :
         {"", "off", "127.0.0.1:7008", "tcp://127.0.0.1:7008", "https://127.0.0.1:7008", "http://127.0.0.1",
          "http://127.0.0.1:7008/metrics", "http://127.0.0.1:65536", "http://:80", "http://user@127.0.0.1:80",
          "HTTP://127.0.0.1:7008", "http://127.0.0.1:7008//"}) {
        EXPECT_FALSE(parse_admin_address(text)) << text;
    }
}

TEST(AdminAddress, LoopbackIsWhatOnlyThisMachineReaches) {
    for (const char* host : {"127.0.0.1", "127.255.255.254", "::1", "localhost"}) {
        EXPECT_TRUE(is_loopback_host(host)) << host;
    }
    for (const char* host : {"", "0.0.0.0", "::", "128.0.0.1", "192.0.2.1", "::2", "localhost.example",
                             "127.0.0.1.example", "2130706433", "[::1]"}) {
        EXPECT_FALSE(is_loopback_host(host)) << host;
    }
}

TEST(AdminAddress, HostNamesHaveNoPortAndNoStrangeBytes) {
    for (const char* text : {"echo-1.example.org", "a_b", "192.0.2.1", "2001:db8::1"}) {
        EXPECT_TRUE(is_host_name(text)) << text;
    }
    for (const char* text : {"", "a:80", "a b", "a/b", "[::1]", "a\n", "\xc3\xa4"}) {
        EXPECT_FALSE(is_host_name(text)) << text;
    }
}

}  // namespace
}  // namespace mynah::server
