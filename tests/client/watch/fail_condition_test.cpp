#include "client/watch/fail_condition.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mynah::client::watch {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::int64_t nanoseconds(std::chrono::nanoseconds time) {
    return time.count();
}

TEST(FailCondition, ComparesCounts) {
    const auto above = FailCondition::parse("reset>10");
    ASSERT_TRUE(above.has_value());
    EXPECT_EQ(above->name, "reset");
    EXPECT_EQ(above->text, "reset>10");
    EXPECT_TRUE(above->holds_for(11));
    EXPECT_FALSE(above->holds_for(10));
    EXPECT_TRUE(FailCondition::parse("outages>=3")->holds_for(3));
    EXPECT_FALSE(FailCondition::parse("outages>=3")->holds_for(2));
    EXPECT_TRUE(FailCondition::parse("echoed<5")->holds_for(4));
    EXPECT_FALSE(FailCondition::parse("echoed<5")->holds_for(5));
    EXPECT_TRUE(FailCondition::parse("echoed<=5")->holds_for(5));
    EXPECT_FALSE(FailCondition::parse("echoed<=5")->holds_for(6));
    EXPECT_TRUE(FailCondition::parse("fins=0")->holds_for(0));
    EXPECT_FALSE(FailCondition::parse("fins=0")->holds_for(1));
}

TEST(FailCondition, ComparesDurations) {
    const auto outage = FailCondition::parse("outage>500ms");
    ASSERT_TRUE(outage.has_value());
    EXPECT_TRUE(outage->holds_for(nanoseconds(501ms)));
    EXPECT_FALSE(outage->holds_for(nanoseconds(500ms)));
    EXPECT_TRUE(FailCondition::parse("p99.9>=1.5s")->holds_for(nanoseconds(1500ms)));
}

TEST(FailCondition, SaysWhatIsWrong) {
    const auto error = [](std::string_view text) {
        const auto condition = FailCondition::parse(text);
        return condition ? std::string() : condition.error();
    };
    EXPECT_THAT(error(""), HasSubstr("is not a condition"));
    EXPECT_THAT(error("reset"), HasSubstr("\"reset\" is not a condition"));
    EXPECT_THAT(error(">5"), HasSubstr("is not a condition"));
    EXPECT_THAT(error("loss>5"), HasSubstr("begins with an unknown name (known: sent, "));
    EXPECT_THAT(error("reset>"), HasSubstr("does not end with a whole number"));
    EXPECT_THAT(error("reset>-1"), HasSubstr("does not end with a whole number"));
    EXPECT_THAT(error("reset>5ms"), HasSubstr("does not end with a whole number"));
    EXPECT_THAT(error("p99>fast"), HasSubstr("does not end with a duration"));
    EXPECT_THAT(error("p99>>5ms"), HasSubstr("does not end with a duration"));
}

}  // namespace
}  // namespace mynah::client::watch
