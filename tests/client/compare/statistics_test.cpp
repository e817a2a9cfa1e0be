#include "client/compare/statistics.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::client::compare {
namespace {

/// One bucket for each value.
Sample sample_of(const std::vector<std::int64_t>& values) {
    std::map<std::int64_t, std::uint64_t> counts;
    for (const std::int64_t value : values) {
        ++counts[value];
    }
    Sample sample;
    for (const auto& [value, count] : counts) {
        sample.buckets.push_back({.lowest = value, .highest = value, .count = count});
        sample.largest = value;
    }
    return sample;
}

/// As the definition has it: each pair is looked at.
double share_of_wins(const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& second) {
    double wins = 0;
    for (const std::int64_t a : first) {
        for (const std::int64_t b : second) {
            wins += b > a ? 1 : b == a ? 0.5 : 0;
        }
    }
    return wins / static_cast<double>(first.size() * second.size());
}

TEST(MannWhitney, CountsWinsAsIfEachPairWereLookedAt) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::int64_t> first(1 + random() % 60);
        std::vector<std::int64_t> second(1 + random() % 60);
        const std::uint64_t values = 1 + random() % 40;  // few of them: many ties
        std::ranges::generate(first, [&] { return static_cast<std::int64_t>(random() % values); });
        std::ranges::generate(second, [&] { return static_cast<std::int64_t>(random() % values); });
        EXPECT_NEAR(mann_whitney(sample_of(first), sample_of(second)).probability,
                    values == 1 ? 0.5 : share_of_wins(first, second), 1e-12);
    }
}

// Worked out from the definition: pair by pair, with the variance that ties leave.
TEST(MannWhitney, GivesThePValueOfTheDefinition) {
    const Shift apart =
        mann_whitney(sample_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), sample_of({4, 5, 6, 7, 8, 9, 10, 11, 12, 13}));
    EXPECT_NEAR(apart.probability, 0.755, 1e-9);
    EXPECT_NEAR(apart.p_value, 0.053271735, 1e-6);
    const Shift tied = mann_whitney(sample_of({1, 1, 2, 2, 2, 3, 3, 4}), sample_of({2, 3, 3, 3, 4, 4, 5, 5, 5}));
    EXPECT_NEAR(tied.p_value, 0.015694016, 1e-6);
}

TEST(MannWhitney, EqualSamplesAndSingleValuesAreNoDifference) {
    const Sample sample = sample_of({1, 5, 5, 9});
    EXPECT_DOUBLE_EQ(mann_whitney(sample, sample).probability, 0.5);
    EXPECT_DOUBLE_EQ(mann_whitney(sample, sample).p_value, 1.0);
    EXPECT_DOUBLE_EQ(mann_whitney(sample_of({7, 7, 7}), sample_of({7, 7})).p_value, 1.0);
    EXPECT_DOUBLE_EQ(mann_whitney(sample, {}).p_value, 1.0);
}

// 20 of 1,000 and 50 of 1,000: z = 3.650, the textbook's test with a pooled share.
TEST(TwoProportions, GiveTheTextbooksPValue) {
    EXPECT_NEAR(two_proportions(20, 1'000, 50, 1'000), 0.000262106, 1e-6);
    EXPECT_DOUBLE_EQ(two_proportions(20, 1'000, 20, 1'000), 1.0);
    EXPECT_DOUBLE_EQ(two_proportions(0, 1'000, 0, 1'000), 1.0);
    EXPECT_DOUBLE_EQ(two_proportions(5, 5, 9, 9), 1.0);
    EXPECT_DOUBLE_EQ(two_proportions(0, 0, 1, 10), 1.0);
}

TEST(Sample, PercentilesAreTheEndsOfTheirBuckets) {
    const Sample sample{.buckets = {{.lowest = 10, .highest = 19, .count = 50},
                                    {.lowest = 20, .highest = 29, .count = 49},
                                    {.lowest = 90, .highest = 99, .count = 1}},
                        .largest = 93};
    EXPECT_EQ(sample.count(), 100U);
    EXPECT_EQ(sample.percentile(50), 19);
    EXPECT_EQ(sample.percentile(51), 29);
    EXPECT_EQ(sample.percentile(99), 29);
    EXPECT_EQ(sample.percentile(99.9), 93);
    EXPECT_EQ(sample.above(19), 50U);
    EXPECT_EQ(sample.above(29), 1U);
    EXPECT_EQ(Sample{}.percentile(50), 0);
}

}  // namespace
}  // namespace mynah::client::compare
