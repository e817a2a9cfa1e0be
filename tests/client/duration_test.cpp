#include "client/duration.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsANumberWithAUnit) {
    EXPECT_EQ(parse_duration("1s"), 1s);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration(".5s"), 500ms);
    EXPECT_EQ(parse_duration("100us"), 100us);
    EXPECT_EQ(parse_duration("7ns"), 7ns);
    EXPECT_EQ(parse_duration("2m"), 2min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(Duration, AddsUpSeveralParts) {
    EXPECT_EQ(parse_duration("1m30s"), 90s);
    EXPECT_EQ(parse_duration("1h0.5m1ms"), 1h + 30s + 1ms);
}

TEST(Duration, ReadsANumberAloneAsSecondsLikePing) {
    EXPECT_EQ(parse_duration("2"), 2s);
    EXPECT_EQ(parse_duration("0.2"), 200ms);
}

TEST(Duration, RefusesWhatIsNoDuration) {
    for (const char* text : {"",    "s",   "ms",   "-1s",  "+1s",   "1 s", " 1s",  "1s ",   "1x",   "1sec", "1s2",
                             "inf", "nan", "infs", "1e3s", "0x10s", ".",   "..5s", "1..5s", "1,5s", "--",   "-"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(Duration, RefusesWhatIsTooLong) {
    EXPECT_EQ(parse_duration("8784h"), kLongestDuration);
    EXPECT_EQ(parse_duration("8785h"), std::nullopt);
    EXPECT_EQ(parse_duration("99999999999999999999999999s"), std::nullopt);
    EXPECT_EQ(parse_duration(std::string(400, '9') + "s"), std::nullopt);
}

TEST(Duration, WritesTheShortestText) {
    EXPECT_EQ(format_duration(0s), "0s");
    EXPECT_EQ(format_duration(5s), "5s");
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(1500ms), "1.5s");
    EXPECT_EQ(format_duration(1250ms), "1250ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(2min), "2m");
    EXPECT_EQ(format_duration(3h), "3h");
    EXPECT_EQ(format_duration(100us), "100us");
    EXPECT_EQ(format_duration(1ns), "1ns");
}

TEST(Duration, ReadsBackWhatItWrites) {
    for (const auto duration : {1ns, 999ns, 1001ns, 1500ns, 123456789ns, 1000000000ns, 86400000000000ns}) {
        EXPECT_EQ(parse_duration(format_duration(duration)), duration) << format_duration(duration);
    }
}

TEST(Duration, WritesMillisecondsLikePing) {
    EXPECT_EQ(format_milliseconds(123us), "0.123");
    EXPECT_EQ(format_milliseconds(1234567us), "1234.567");
    EXPECT_EQ(format_milliseconds(499ns), "0.000");
}

}  // namespace
}  // namespace mynah::client
