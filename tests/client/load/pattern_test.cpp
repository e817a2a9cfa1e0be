#include "client/load/pattern.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::client::load {
namespace {

TEST(Pattern, NeighboursDifferAllTheWayRound) {
    const Pattern pattern;
    const auto bytes = pattern.window(0, Pattern::kPeriod + 1);
    for (std::size_t i = 1; i < bytes.size(); ++i) {
        ASSERT_NE(bytes[i - 1], bytes[i]) << i;
    }
}

TEST(Pattern, AWindowGoesOnWhereTheRingBeginsAnew) {
    const Pattern pattern;
    const std::size_t near_the_end = Pattern::kPeriod - 3;
    const auto window = pattern.window(near_the_end, Pattern::kLargestWindow);
    std::size_t position = near_the_end;
    for (const std::byte byte : window) {
        ASSERT_EQ(byte, pattern.window(position, 1).front());
        position = Pattern::advance(position, 1);
    }
}

TEST(Pattern, AdvancesByAnyNumberOfBytes) {
    EXPECT_EQ(Pattern::advance(0, 0), 0U);
    EXPECT_EQ(Pattern::advance(Pattern::kPeriod - 1, 1), 0U);
    EXPECT_EQ(Pattern::advance(5, Pattern::kPeriod), 5U);
    EXPECT_EQ(Pattern::advance(5, Pattern::kLargestWindow), (5 + Pattern::kLargestWindow) % Pattern::kPeriod);
}

TEST(Pattern, EachConnectionBeginsElsewhere) {
    std::set<std::size_t> starts;
    for (std::size_t connection = 0; connection < Pattern::kPeriod; ++connection) {
        const std::size_t start = Pattern::start_of(connection);
        ASSERT_LT(start, Pattern::kPeriod);
        starts.insert(start);
    }
    EXPECT_EQ(starts.size(), Pattern::kPeriod);
}

TEST(Pattern, FindsWhereBytesStand) {
    const Pattern pattern;
    for (const std::size_t position : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, Pattern::kPeriod - 1}) {
        const auto window = pattern.window(position, 16);
        EXPECT_EQ(pattern.find(window), position);
        std::vector<std::byte> changed(window.begin(), window.end());
        changed[9] ^= std::byte{1};
        EXPECT_EQ(pattern.find(changed), std::nullopt);
    }
    EXPECT_EQ(pattern.find(pattern.window(0, 3)), std::nullopt) << "three bytes stand in many places";
}

}  // namespace
}  // namespace mynah::client::load
