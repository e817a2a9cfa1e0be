#include "client/watch/backoff.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <gtest/gtest.h>

namespace mynah::client::watch {
namespace {

TEST(Backoff, DoublesUpToItsLimitAndBeginsAnewAfterASuccess) {
    Backoff backoff(1);
    for (int round = 0; round < 3; ++round) {
        std::chrono::nanoseconds range = Backoff::kFirst;
        for (int attempt = 0; attempt < 12; ++attempt) {
            const auto wait = backoff.next();
            EXPECT_GE(wait, range / 2);
            EXPECT_LE(wait, range);
            range = std::min<std::chrono::nanoseconds>(range * 2, Backoff::kMost);
        }
        EXPECT_EQ(range, Backoff::kMost);
        backoff.succeeded();
    }
}

TEST(Backoff, ThoseWhoBeginTogetherDoNotComeBackTogether) {
    std::set<std::chrono::nanoseconds> waits;
    for (unsigned seed = 0; seed < 100; ++seed) {
        waits.insert(Backoff(seed).next());
    }
    EXPECT_GT(waits.size(), 90U);
}

}  // namespace
}  // namespace mynah::client::watch
