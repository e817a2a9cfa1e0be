#include "server/configuration_values.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mynah::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr DurationRange kDay{.least = 0ms, .most = 24h};

TEST(ParseDuration, ReadsEachUnit) {
    EXPECT_EQ(parse_duration("250ms", kDay), 250ms);
    EXPECT_EQ(parse_duration("60s", kDay), 60s);
    EXPECT_EQ(parse_duration("2m", kDay), 2min);
    EXPECT_EQ(parse_duration("1h", kDay), 1h);
    EXPECT_EQ(parse_duration("0s", kDay), 0s);
}

TEST(ParseDuration, ABareNumberIsToldThatItHasNoUnit) {
    const auto parsed = parse_duration("60", kDay);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error(), "\"60\" has no unit; accepted: a whole number and a unit, such as 250ms, 60s, 2m or 1h");
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
    for (const char* text : {"", "s", "soon", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1d", "1S", "1m30s", "0x1s"}) {
        const auto parsed = parse_duration(text, kDay);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is not a duration; accepted: ")) << text;
    }
}

TEST(ParseDuration, RefusesWhatIsOutOfRange) {
    const DurationRange range{.least = 1ms, .most = 24h};
    for (const char* text : {"0s", "25h", "86400001ms", "99999999999999999999h", "18446744073709551615h"}) {
        const auto parsed = parse_duration(text, range);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is out of range; accepted: 1ms to 24h")) << text;
    }
    EXPECT_EQ(parse_duration("24h", range), 24h);
    EXPECT_EQ(parse_duration("1ms", range), 1ms);
}

TEST(ParseByteCount, ReadsPlainNumbersAndUnits) {
    constexpr CountRange kAll{.least = 0, .most = std::numeric_limits<std::uint64_t>::max()};
    EXPECT_EQ(parse_byte_count("65536", kAll), 65'536U);
    EXPECT_EQ(parse_byte_count("512B", kAll), 512U);
    EXPECT_EQ(parse_byte_count("64KiB", kAll), 65'536U);
    EXPECT_EQ(parse_byte_count("1MiB", kAll), 1U << 20U);
    EXPECT_EQ(parse_byte_count("2GiB", kAll), 2ULL << 30U);
}

TEST(ParseByteCount, RefusesOtherUnitsAndOverflow) {
    constexpr CountRange kRange{.least = 64, .most = 16ULL << 20U};
    for (const char* text : {"", "KiB", "64KB", "64k", "-1", "1.5MiB", "64 KiB"}) {
        const auto parsed = parse_byte_count(text, kRange);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is not a number of bytes; accepted: ")) << text;
    }
    for (const char* text : {"63", "17MiB", "18446744073709551616", "17179869184GiB"}) {
        const auto parsed = parse_byte_count(text, kRange);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is out of range; accepted: 64B to 16MiB")) << text;
    }
}

TEST(ParseCount, ReadsWithinTheRangeOnly) {
    constexpr CountRange kRange{.least = 0, .most = 1024};
    EXPECT_EQ(parse_count("0", kRange), 0U);
    EXPECT_EQ(parse_count("1024", kRange), 1024U);
    for (const char* text : {"1025", "99999999999999999999999"}) {
        const auto parsed = parse_count(text, kRange);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is out of range; accepted: 0 to 1024"));
    }
    for (const char* text : {"", "two", "-1", "1.0", "0x10", "1 "}) {
        const auto parsed = parse_count(text, kRange);
        ASSERT_FALSE(parsed) << text;
        EXPECT_THAT(parsed.error(), HasSubstr("is not a whole number; accepted: 0 to 1024"));
    }
}

TEST(ParseWord, GivesTheIndexOrTheChoices) {
    constexpr std::array<std::string_view, 4> kWords{"auto", "select", "poll", "epoll"};
    EXPECT_EQ(parse_word("poll", kWords), 2U);
    const auto parsed = parse_word("Poll", kWords);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error(), "\"Poll\" is not known; choose auto, select, poll or epoll");
}

TEST(Format, GivesTheShortestExactNotation) {
    EXPECT_EQ(format_duration(0ms), "0s");
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(2min), "2m");
    EXPECT_EQ(format_duration(24h), "24h");
    EXPECT_EQ(format_byte_count(0), "0B");
    EXPECT_EQ(format_byte_count(65'536), "64KiB");
    EXPECT_EQ(format_byte_count(65'537), "65537B");
}

TEST(Format, IsReadBackAsItWas) {
    for (const milliseconds duration : {0ms, 1ms, 999ms, 1000ms, 1001ms, 60'000ms, 3'600'000ms, 86'400'000ms}) {
        EXPECT_EQ(parse_duration(format_duration(duration), kDay), duration);
    }
}

TEST(InQuotes, EscapesAndBounds) {
    EXPECT_EQ(in_quotes("a\nb\x1b"), "\"a\\nb\\x1b\"");
    EXPECT_LE(in_quotes(std::string(10'000, 'x')).size(), 100U);
}

TEST(Nearest, FindsTheMistypedWord) {
    constexpr std::array<std::string_view, 3> kWords{"limits.idle_timeout", "limits.connections", "drain.grace"};
    EXPECT_EQ(nearest("limits.idle_timout", kWords), "limits.idle_timeout");
    EXPECT_EQ(nearest("drain.grase", kWords), "drain.grace");
    EXPECT_EQ(nearest("colour", kWords), "");
    EXPECT_EQ(nearest("", kWords), "");
    EXPECT_EQ(nearest(std::string(1'000'000, 'x'), kWords), "");
}

}  // namespace
}  // namespace mynah::server
