#include "server/fault/fault_places.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> begins(FaultPlaces places, std::size_t count) {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < count; ++i, places.advance()) {
        all.push_back(places.current().begin);
    }
    return all;
}

TEST(FaultPlaces, AtIsOnePlaceAndThenNever) {
    const FaultRule rule{.spacing = FaultSpacing::at, .distance = 5};
    EXPECT_THAT(begins(FaultPlaces(rule, 1, 0, 1), 3), ElementsAre(5, FaultPlaces::kNever, FaultPlaces::kNever));
}

TEST(FaultPlaces, EveryIsEachMultipleThatIsNotInTheSpanBefore) {
    const FaultRule rule{.spacing = FaultSpacing::every, .distance = 10};
    EXPECT_THAT(begins(FaultPlaces(rule, 1, 0, 1), 4), ElementsAre(10, 20, 30, 40));
    EXPECT_THAT(begins(FaultPlaces(rule, 1, 0, 10), 3), ElementsAre(10, 20, 30));
    EXPECT_THAT(begins(FaultPlaces(rule, 1, 0, 11), 3), ElementsAre(10, 30, 50));
    const FaultRule each{.spacing = FaultSpacing::every, .distance = 1};
    EXPECT_THAT(begins(FaultPlaces(each, 1, 1, 1), 4), ElementsAre(1, 2, 3, 4));
}

TEST(FaultPlaces, MeanIsKeptOverManyAndSpansDoNotOverlap) {
    const FaultRule rule{.spacing = FaultSpacing::mean, .distance = 1'000};
    FaultPlaces places(rule, 1, 0, 1);
    std::uint64_t end = 0;
    constexpr std::size_t kCount = 20'000;
    for (std::size_t i = 0; i < kCount; ++i, places.advance()) {
        EXPECT_GE(places.current().begin, end);
        end = places.current().end;
    }
    // The mean of 20,000 gaps strays by 0.7%; ten times that would be no chance.
    EXPECT_NEAR(static_cast<double>(end) / kCount, 1'000.0, 70.0);
    const FaultRule each{.spacing = FaultSpacing::mean, .distance = 1};
    EXPECT_THAT(begins(FaultPlaces(each, 1, 0, 1), 3), ElementsAre(0, 1, 2));
    EXPECT_THAT(begins(FaultPlaces(each, 1, 1, 1), 3), ElementsAre(1, 2, 3));
}

TEST(FaultPlaces, FollowFromSeedKindAndNumber) {
    const FaultRule rule{.spacing = FaultSpacing::mean, .distance = 1'000'000, .seed = 7};
    const auto of = [](const FaultRule& each, std::uint64_t number) {
        return begins(FaultPlaces(each, number, 0, 1), 5);
    };
    EXPECT_EQ(of(rule, 3), of(rule, 3));
    EXPECT_NE(of(rule, 3), of(rule, 4));
    FaultRule other = rule;
    other.seed = 8;
    EXPECT_NE(of(rule, 3), of(other, 3));
    other = rule;
    other.kind = FaultKind::drop;
    EXPECT_NE(of(rule, 3), of(other, 3));
}

// Somebody's saved command line must go on to give the same faults.
TEST(FaultPlaces, AreThoseOfEarlierVersions) {
    const FaultRule rule{.kind = FaultKind::corrupt, .spacing = FaultSpacing::mean, .distance = 1'000, .seed = 1};
    EXPECT_THAT(begins(FaultPlaces(rule, 1, 0, 1), 4), ElementsAre(406, 1034, 3301, 3525));
}

TEST(FaultPlaces, OfConnectionsAreLookedAtOneByOne) {
    const FaultRule every{.kind = FaultKind::refuse, .spacing = FaultSpacing::every, .distance = 3};
    const FaultRule at{.kind = FaultKind::refuse, .spacing = FaultSpacing::at, .distance = 3};
    const FaultRule mean{.kind = FaultKind::refuse, .spacing = FaultSpacing::mean, .distance = 10};
    std::size_t hit = 0;
    for (std::uint64_t number = 1; number <= 10'000; ++number) {
        EXPECT_EQ(is_fault_place(every, number), number % 3 == 0);
        EXPECT_EQ(is_fault_place(at, number), number == 3);
        EXPECT_EQ(is_fault_place(mean, number), is_fault_place(mean, number));
        hit += is_fault_place(mean, number) ? 1U : 0U;
    }
    EXPECT_NEAR(static_cast<double>(hit), 1'000.0, 300.0);  // ten standard deviations
}

}  // namespace
}  // namespace mynah::server
