#include "client/datagrams_in_flight.hpp"

#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

using InFlight = DatagramsInFlight<int>;
using Standing = InFlight::Standing;

TEST(DatagramsInFlight, KnowsWhatBecameOfEachNumber) {
    InFlight datagrams(1);
    EXPECT_EQ(datagrams.push(10), 1U);
    EXPECT_EQ(datagrams.push(20), 2U);
    EXPECT_EQ(datagrams.push(30), 3U);
    EXPECT_EQ(datagrams.awaited(), 3U);
    EXPECT_EQ(datagrams.standing(0), Standing::unsent);
    EXPECT_EQ(datagrams.standing(4), Standing::unsent);
    EXPECT_EQ(datagrams.entry(2), 20);

    datagrams.came_back(2);
    EXPECT_EQ(datagrams.standing(2), Standing::back);
    EXPECT_EQ(datagrams.awaited(), 2U);
    EXPECT_EQ(datagrams.lose_oldest(), 1U);
    EXPECT_EQ(datagrams.standing(1), Standing::lost);
    EXPECT_EQ(datagrams.entry(1), 10);
    EXPECT_EQ(datagrams.oldest(), 30) << "the second is back";
    EXPECT_EQ(datagrams.oldest_sequence(), 3U);

    datagrams.came_back(1);
    EXPECT_EQ(datagrams.standing(1), Standing::back) << "the next one of this number is a duplicate";
    datagrams.came_back(3);
    EXPECT_EQ(datagrams.awaited(), 0U);
    EXPECT_EQ(datagrams.standing(3), Standing::back);
    EXPECT_EQ(datagrams.next(), 4U);
}

TEST(DatagramsInFlight, ANumberMayBeLeftOut) {
    InFlight datagrams(0);
    datagrams.skip();
    EXPECT_EQ(datagrams.standing(0), Standing::back);
    EXPECT_EQ(datagrams.push(1), 1U);
    datagrams.skip();
    EXPECT_EQ(datagrams.push(3), 3U);
    EXPECT_EQ(datagrams.awaited(), 2U);
    EXPECT_EQ(datagrams.lose_oldest(), 1U);
    EXPECT_EQ(datagrams.lose_oldest(), 3U);
    EXPECT_EQ(datagrams.standing(2), Standing::back);
}

TEST(DatagramsInFlight, RemembersTheLastOfTheLostOnes) {
    InFlight datagrams(0);
    for (std::size_t i = 0; i <= InFlight::kLostKept; ++i) {
        datagrams.push(static_cast<int>(i));
        EXPECT_EQ(datagrams.lose_oldest(), i);
    }
    EXPECT_EQ(datagrams.standing(0), Standing::back) << "forgotten";
    EXPECT_EQ(datagrams.standing(1), Standing::lost);
    EXPECT_EQ(datagrams.entry(1), 1);
    EXPECT_EQ(datagrams.standing(InFlight::kLostKept), Standing::lost);
}

TEST(DatagramsInFlight, GrowsAroundItsRing) {
    InFlight datagrams(0);
    std::uint64_t oldest = 0;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(datagrams.entry(datagrams.push(i)), i);
        if (i % 3 == 0) {
            EXPECT_EQ(datagrams.entry(oldest), static_cast<int>(oldest));
            datagrams.came_back(oldest++);
        }
    }
    EXPECT_EQ(datagrams.awaited(), 1000 - oldest);
    for (; oldest < 1000; ++oldest) {
        EXPECT_EQ(datagrams.oldest(), static_cast<int>(oldest));
        datagrams.came_back(oldest);
    }
}

}  // namespace
}  // namespace mynah::client
