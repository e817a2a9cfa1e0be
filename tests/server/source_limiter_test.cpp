#include "server/source_limiter.hpp"

#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

using Host = SourceLimiter::Host;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kSeed = 42;

Host ipv4(std::uint32_t number) {
    Host host{};
    host[10] = host[11] = std::byte{0xff};
    for (std::size_t i = 0; i < 4; ++i) {
        host[15 - i] = static_cast<std::byte>(number >> (8 * i));
    }
    return host;
}

Host ipv6(std::uint8_t network, std::uint8_t interface) {
    Host host{};
    host[0] = std::byte{0x20};
    host[7] = static_cast<std::byte>(network);
    host[15] = static_cast<std::byte>(interface);
    return host;
}

/// How many of `tries` at one moment are admitted.
int admitted(SourceLimiter& limiter, const Host& host, std::int64_t now, int tries = 1'000) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
        count += limiter.admit(host, now) ? 1 : 0;
    }
    return count;
}

TEST(SourceLimiter, WithoutARateEverythingIsAdmitted) {
    SourceLimiter limiter({.rate = 0, .burst = 1, .sources = 8}, kSeed);
    EXPECT_FALSE(limiter.limits());
    EXPECT_EQ(admitted(limiter, ipv4(1), 0), 1'000);
}

TEST(SourceLimiter, ASourceHasItsBurstAndThenItsRate) {
    SourceLimiter limiter({.rate = 10, .burst = 5, .sources = 64}, kSeed);
    std::int64_t now = 100 * kSecond;
    EXPECT_EQ(admitted(limiter, ipv4(1), now), 5);
    EXPECT_EQ(admitted(limiter, ipv4(1), now + kSecond / 10 - 1), 0);
    EXPECT_EQ(admitted(limiter, ipv4(1), now + kSecond / 10), 1);
    now += kSecond / 10;
    EXPECT_EQ(admitted(limiter, ipv4(1), now + 3 * kSecond / 10), 3);
    // However long it was silent, it has no more than its burst.
    EXPECT_EQ(admitted(limiter, ipv4(1), now + 3'600 * kSecond), 5);
}

TEST(SourceLimiter, EachSourceHasABucketOfItsOwn) {
    SourceLimiter limiter({.rate = 1, .burst = 3, .sources = 65'536}, kSeed);
    for (std::uint32_t i = 0; i < 100; ++i) {
        EXPECT_EQ(admitted(limiter, ipv4(i), kSecond, 10), 3) << i;
    }
    for (std::uint32_t i = 0; i < 100; ++i) {
        EXPECT_EQ(admitted(limiter, ipv4(i), kSecond, 10), 0) << i;
    }
}

TEST(SourceLimiter, AnIPv6NetworkIsOneSource) {
    SourceLimiter limiter({.rate = 1, .burst = 3, .sources = 64}, kSeed);
    EXPECT_EQ(admitted(limiter, ipv6(1, 1), kSecond), 3);
    EXPECT_EQ(admitted(limiter, ipv6(1, 2), kSecond), 0);
    EXPECT_EQ(admitted(limiter, ipv6(2, 1), kSecond), 3);
}

TEST(SourceLimiter, AFloodOfForgedSourcesDoesNotFreeOneThatIsOverItsRate) {
    SourceLimiter limiter({.rate = 1, .burst = 100, .sources = 8}, kSeed);
    EXPECT_EQ(admitted(limiter, ipv4(1), kSecond), 100);
    for (std::uint32_t i = 2; i < 10'000; ++i) {
        EXPECT_TRUE(limiter.admit(ipv4(i), kSecond));
    }
    EXPECT_EQ(admitted(limiter, ipv4(1), kSecond), 0);
}

TEST(SourceLimiter, RemembersAsManySourcesAsItWasToldTo) {
    constexpr std::uint32_t kSources = 4'096;
    SourceLimiter limiter({.rate = 1, .burst = 1, .sources = kSources}, kSeed);
    // Half of its room: a set of eight overflows with a chance of one in some dozens.
    std::uint32_t forgotten = 0;
    for (std::uint32_t i = 0; i < kSources / 2; ++i) {
        EXPECT_TRUE(limiter.admit(ipv4(i), kSecond));
    }
    for (std::uint32_t i = 0; i < kSources / 2; ++i) {
        forgotten += limiter.admit(ipv4(i), kSecond) ? 1U : 0U;
    }
    EXPECT_LT(forgotten, kSources / 20);
}

}  // namespace
}  // namespace mynah::server
