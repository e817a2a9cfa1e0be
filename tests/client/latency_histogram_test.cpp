#include "client/latency_histogram.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

using std::chrono::nanoseconds;

constexpr double kPercents[] = {0, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};

struct Distribution {
    std::string name;
    std::function<std::int64_t(std::mt19937_64&)> draw;
};

const std::vector<Distribution>& distributions() {
    static const std::vector<Distribution> all{
        {"Constant", [](std::mt19937_64&) { return std::int64_t{123'456'789}; }},
        {"Small", [](std::mt19937_64& random) { return static_cast<std::int64_t>(random() % 3000); }},
        {"Uniform", [](std::mt19937_64& random) { return static_cast<std::int64_t>(random() % 10'000'000); }},
        {"LogNormal",
         [](std::mt19937_64& random) {
             return static_cast<std::int64_t>(std::lognormal_distribution<double>(11.0, 1.5)(random));
         }},
        {"TwoPeaks",
         [](std::mt19937_64& random) {
             return static_cast<std::int64_t>(random() % 1000 == 0 ? 400'000'000 + random() % 1000
                                                                   : 50'000 + random() % 2000);
         }},
        {"PowersOfTwo",
         [](std::mt19937_64& random) {
             const auto power = static_cast<std::int64_t>(std::uint64_t{1} << (random() % 46));
             return power - static_cast<std::int64_t>(random() % 2);
         }},
    };
    return all;
}

/// What at least `percent` of them are not above, by the definition.
std::int64_t exact_percentile(const std::vector<std::int64_t>& sorted, double percent) {
    std::size_t rank = 1;
    while (rank < sorted.size() &&
           static_cast<double>(rank) * 100 < percent * static_cast<double>(sorted.size()) * (1 - 1e-12)) {
        ++rank;
    }
    return sorted[rank - 1];
}

class LatencyHistogramOf : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Distributions, LatencyHistogramOf, testing::Range<std::size_t>(0, 6),
                         [](const auto& test) { return distributions()[test.param].name; });

TEST_P(LatencyHistogramOf, HasThePercentilesOfTheSortedTimesToThreeDigits) {
    std::mt19937_64 random(42);
    for (const std::size_t size : {1U, 2U, 9U, 10U, 100U, 1000U, 99'999U}) {
        LatencyHistogram histogram;
        std::vector<std::int64_t> times;
        for (std::size_t i = 0; i < size; ++i) {
            times.push_back(distributions()[GetParam()].draw(random));
            histogram.add(nanoseconds(times.back()));
        }
        std::ranges::sort(times);
        for (const double percent : kPercents) {
            const std::int64_t exact = exact_percentile(times, percent);
            const std::int64_t found = histogram.percentile(percent).count();
            EXPECT_GE(found, exact) << percent << "% of " << size;
            EXPECT_LE(static_cast<double>(found - exact), static_cast<double>(exact) / 1024)
                << percent << "% of " << size;
        }
        EXPECT_EQ(histogram.count(), size);
        EXPECT_EQ(histogram.min().count(), times.front());
        EXPECT_EQ(histogram.max().count(), times.back());
        double sum = 0;
        for (const std::int64_t time : times) {
            sum += static_cast<double>(time);
        }
        EXPECT_NEAR(static_cast<double>(histogram.mean().count()), sum / static_cast<double>(size), 1.0);
    }
}

TEST_P(LatencyHistogramOf, IsTheSumOfItsParts) {
    std::mt19937_64 random(7);
    LatencyHistogram whole;
    LatencyHistogram sum;
    for (int part = 0; part < 5; ++part) {
        LatencyHistogram one;
        for (int i = 0; i < 1000; ++i) {
            const nanoseconds time(distributions()[GetParam()].draw(random));
            whole.add(time);
            one.add(time);
        }
        sum.add(one);
    }
    EXPECT_EQ(sum.count(), whole.count());
    EXPECT_EQ(sum.min(), whole.min());
    EXPECT_EQ(sum.max(), whole.max());
    EXPECT_EQ(sum.mean(), whole.mean());
    const auto parts = sum.buckets();
    const auto wholes = whole.buckets();
    ASSERT_EQ(parts.size(), wholes.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        EXPECT_EQ(parts[i].lowest, wholes[i].lowest);
        EXPECT_EQ(parts[i].count, wholes[i].count);
    }
}

TEST_P(LatencyHistogramOf, BucketsHoldAllTimesAndNoOthers) {
    std::mt19937_64 random(3);
    LatencyHistogram histogram;
    std::vector<std::int64_t> times;
    for (int i = 0; i < 20'000; ++i) {
        times.push_back(distributions()[GetParam()].draw(random));
        histogram.add(nanoseconds(times.back()));
    }
    std::ranges::sort(times);
    auto next = times.begin();
    for (const auto& bucket : histogram.buckets()) {
        ASSERT_LE(bucket.lowest, bucket.highest);
        std::uint64_t count = 0;
        for (; next != times.end() && *next <= bucket.highest.count(); ++next, ++count) {
            EXPECT_GE(*next, bucket.lowest.count());
        }
        EXPECT_EQ(count, bucket.count);
    }
    EXPECT_EQ(next, times.end());
}

TEST(LatencyHistogram, IsAllZerosWhileEmpty) {
    const LatencyHistogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.min().count(), 0);
    EXPECT_EQ(histogram.max().count(), 0);
    EXPECT_EQ(histogram.mean().count(), 0);
    EXPECT_EQ(histogram.percentile(99).count(), 0);
    EXPECT_TRUE(histogram.buckets().empty());
}

TEST(LatencyHistogram, ForgetsAllWhenCleared) {
    LatencyHistogram histogram;
    for (const std::int64_t time : {5, 5000, 5'000'000, 500'000'000}) {
        histogram.add(nanoseconds(time));
    }
    histogram.clear();
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_TRUE(histogram.buckets().empty());
    histogram.add(nanoseconds(77));
    EXPECT_EQ(histogram.min().count(), 77);
    EXPECT_EQ(histogram.max().count(), 77);
    EXPECT_EQ(histogram.buckets().size(), 1U);
}

TEST(LatencyHistogram, TakesWhatIsOutOfItsRangeAtItsEnds) {
    LatencyHistogram histogram;
    histogram.add(nanoseconds(-1));
    histogram.add(LatencyHistogram::kLargest + nanoseconds(1));
    histogram.add(nanoseconds::max());
    EXPECT_EQ(histogram.min().count(), 0);
    EXPECT_EQ(histogram.max(), nanoseconds::max());
    EXPECT_EQ(histogram.percentile(1).count(), 0);
    EXPECT_EQ(histogram.percentile(100), nanoseconds::max());
    EXPECT_EQ(histogram.buckets().back().count, 2U);
    EXPECT_EQ(histogram.buckets().back().highest, LatencyHistogram::kLargest);
    LatencyHistogram sum;
    sum.add(histogram);
    sum.clear();
    EXPECT_TRUE(sum.buckets().empty());
}

TEST(LatencyHistogram, APercentileIsNotMovedByRounding) {
    LatencyHistogram histogram;
    for (int i = 1; i <= 1000; ++i) {
        histogram.add(nanoseconds(i));
    }
    EXPECT_EQ(histogram.percentile(50).count(), 500);
    EXPECT_EQ(histogram.percentile(99).count(), 990);
    EXPECT_EQ(histogram.percentile(99.9).count(), 999);
    EXPECT_EQ(histogram.percentile(99.99).count(), 1000);
    EXPECT_EQ(histogram.percentile(0).count(), 1);
}

}  // namespace
}  // namespace mynah::client
