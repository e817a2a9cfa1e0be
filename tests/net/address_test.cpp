#include "net/address.hpp"

#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mynah::net {
namespace {

using testing::HasSubstr;
using testing::Not;
using Family = Address::Family;

struct Good {
    const char* text;
    Family family;
    const char* host;
    std::uint16_t port;
    const char* written;  // nullptr: as it was read
};

class AddressGood : public testing::TestWithParam<Good> {};

TEST_P(AddressGood, ParsesAndRoundTrips) {
    const Good& good = GetParam();
    const auto address = Address::parse(good.text);
    ASSERT_TRUE(address) << address.error();
    EXPECT_EQ(address->family(), good.family);
    EXPECT_EQ(address->host(), good.host);
    EXPECT_EQ(address->port(), good.port);
    EXPECT_EQ(address->is_name(), good.family == Family::name);
    const std::string written = address->to_string();
    EXPECT_EQ(written, good.written == nullptr ? good.text : good.written);
    const auto again = Address::parse(written);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(*again, *address);
}

INSTANTIATE_TEST_SUITE_P(
    Table, AddressGood,
    testing::Values(Good{"tcp://127.0.0.1:7007", Family::ipv4, "127.0.0.1", 7007, nullptr},
                    Good{"tcp://0.0.0.0:0", Family::ipv4, "0.0.0.0", 0, nullptr},
                    Good{"tcp://255.255.255.255:65535", Family::ipv4, "255.255.255.255", 65535, nullptr},
                    Good{"tcp://127.0.0.1:007", Family::ipv4, "127.0.0.1", 7, "tcp://127.0.0.1:7"},
                    Good{"tcp://[::1]:7007", Family::ipv6, "::1", 7007, nullptr},
                    Good{"tcp://[::]:0", Family::ipv6, "::", 0, nullptr},
                    Good{"tcp://[2001:DB8:0:0::1]:1", Family::ipv6, "2001:db8::1", 1, "tcp://[2001:db8::1]:1"},
                    Good{"tcp://[::ffff:1.2.3.4]:80", Family::ipv6, "::ffff:1.2.3.4", 80, nullptr},
                    Good{"tcp://localhost:7007", Family::name, "localhost", 7007, nullptr},
                    Good{"tcp://Echo-1.example_x.org:1", Family::name, "Echo-1.example_x.org", 1, nullptr},
                    Good{"tcp://example.org.:1", Family::name, "example.org.", 1, nullptr},
                    Good{"tcp://1password.com:443", Family::name, "1password.com", 443, nullptr},
                    Good{"udp://127.0.0.1:7", Family::ipv4, "127.0.0.1", 7, nullptr},
                    Good{"udp://[::]:0", Family::ipv6, "::", 0, nullptr},
                    Good{"udp://localhost:07", Family::name, "localhost", 7, "udp://localhost:7"},
                    Good{"unix:///run/mynah.sock", Family::path, "/run/mynah.sock", 0, nullptr},
                    Good{"unix:///a:b@c d", Family::path, "/a:b@c d", 0, nullptr},
                    Good{"unix://@mynah", Family::abstract, "mynah", 0, nullptr},
                    Good{"unix://@/run/x", Family::abstract, "/run/x", 0, nullptr}));

struct Bad {
    const char* text;
    const char* reason;
};

class AddressBad : public testing::TestWithParam<Bad> {};

TEST_P(AddressBad, IsRefusedOnOneLineThatNamesIt) {
    const auto address = Address::parse(GetParam().text);
    ASSERT_FALSE(address) << address->to_string();
    EXPECT_THAT(address.error(), HasSubstr(GetParam().reason));
    EXPECT_THAT(address.error(), HasSubstr("address '"));
    EXPECT_THAT(address.error(), Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, AddressBad,
    testing::Values(
        Bad{"", "no transport"}, Bad{"127.0.0.1:7007", "no transport"}, Bad{"localhost", "no transport"},
        Bad{"udp://127.0.0.1", "no port"}, Bad{"udp://:7", "no host"}, Bad{"udp://x:65536", "port must be a number"},
        Bad{"unix:/run/mynah.sock", "no transport"}, Bad{"unix://", "no path"}, Bad{"unix://@", "no name after '@'"},
        Bad{"unix://run/mynah.sock", "the path must be absolute"}, Bad{"unix://./mynah.sock", "must be absolute"},
        Bad{"unix:///run/a\nb", "a control character in the path"},
        Bad{"unix://@a\x7f", "a control character in the path"}, Bad{"http://127.0.0.1:80", "unknown transport 'http'"},
        Bad{"TCP://127.0.0.1:80", "unknown transport"}, Bad{"tcp://", "no port"}, Bad{"tcp://127.0.0.1", "no port"},
        Bad{"tcp://[::1]", "no port after ']'"}, Bad{"tcp://[::1]7007", "no port after ']'"},
        Bad{"tcp://[::1:7007", "']' is missing"}, Bad{"tcp://:7007", "no host"},
        Bad{"tcp://::1:7007", "must stand in brackets"}, Bad{"tcp://127.0.0.1:", "port must be a number"},
        Bad{"tcp://127.0.0.1:65536", "port must be a number"}, Bad{"tcp://127.0.0.1:-1", "port must be a number"},
        Bad{"tcp://127.0.0.1:+1", "port must be a number"}, Bad{"tcp://127.0.0.1:80x", "port must be a number"},
        Bad{"tcp://127.0.0.1: 80", "port must be a number"}, Bad{"tcp://127.0.0.1:7007/", "port must be a number"},
        Bad{"tcp://127.0.0.300:1", "neither an IPv4"}, Bad{"tcp://10.1:1", "neither an IPv4"},
        Bad{"tcp://[]:1", "no host"}, Bad{"tcp://[127.0.0.1]:1", "not an IPv6 address between the brackets"},
        Bad{"tcp://[localhost]:1", "not an IPv6 address between the brackets"},
        Bad{"tcp://-x.org:1", "nor a host name"}, Bad{"tcp://a..b:1", "nor a host name"},
        Bad{"tcp://a b:1", "nor a host name"}, Bad{"tcp://us\ner:1", "'tcp://us?er:1'"},
        Bad{"tcp://\xff:1", "'tcp://?:1'"}));

TEST(Address, LongTextIsCutInTheReason) {
    const auto address = Address::parse("tcp://" + std::string(10'000, 'x') + ":1");
    ASSERT_FALSE(address);
    EXPECT_LT(address.error().size(), 400U);
}

TEST(Address, NulBytesDoNotEndTheText) {
    EXPECT_FALSE(Address::parse(std::string_view("tcp://127.0.0.1\0:1", 18)));
    EXPECT_FALSE(Address::parse(std::string_view("tcp://127.0.0.1:1\0", 18)));
}

TEST(Address, KnowsItsTransport) {
    EXPECT_EQ(Address::parse("tcp://127.0.0.1:7")->transport(), Transport::tcp);
    EXPECT_EQ(Address::parse("udp://127.0.0.1:7")->transport(), Transport::udp);
    EXPECT_EQ(Address::parse("unix:///x")->transport(), Transport::unix_stream);
    EXPECT_EQ(Address::parse("udp://127.0.0.1:7")->with_port(9).to_string(), "udp://127.0.0.1:9");
    EXPECT_NE(*Address::parse("tcp://127.0.0.1:7"), *Address::parse("udp://127.0.0.1:7"));
    EXPECT_NE(*Address::parse("unix:///x"), *Address::parse("unix://@/x"));
}

TEST(Address, UnixPathsHaveRoomFor107BytesAndNoNul) {
    const std::string longest = "unix:///" + std::string(106, 'x');
    EXPECT_TRUE(Address::parse(longest));
    const auto longer = Address::parse(longest + "x");
    ASSERT_FALSE(longer);
    EXPECT_THAT(longer.error(), HasSubstr("too long: 108 bytes, a unix socket's path has at most 107"));
    EXPECT_TRUE(Address::parse("unix://@" + std::string(107, 'x')));
    const auto name = Address::parse("unix://@" + std::string(108, 'x'));
    ASSERT_FALSE(name);
    EXPECT_THAT(name.error(), HasSubstr("name has at most 107"));
    const auto nul = Address::parse(std::string_view("unix:///a\0b", 11));
    ASSERT_FALSE(nul);
    EXPECT_THAT(nul.error(), HasSubstr("a NUL byte in the path"));
}

TEST(Address, WhatAPeerCallsItselfIsShownOnOneLine) {
    EXPECT_EQ(Address(Family::path, "/a\nb\x1b", 0).to_string(), "unix:///a?b?");
    EXPECT_EQ(Address(Family::abstract, std::string("a\0b", 3), 0).to_string(), "unix://@a?b");
    EXPECT_EQ(Address(Family::unnamed, "", 0).to_string(), "unix://");
}

TEST(Address, DefaultIsUnspecified) {
    EXPECT_EQ(Address().to_string(), "tcp://0.0.0.0:0");
    EXPECT_EQ(Address().with_port(7).to_string(), "tcp://0.0.0.0:7");
}

}  // namespace
}  // namespace mynah::net
