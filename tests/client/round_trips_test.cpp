#include "client/round_trips.hpp"

#include <string>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

using namespace std::chrono_literals;

TEST(RoundTrips, KeepsMinimumMeanMaximumAndDeviation) {
    RoundTrips trips;
    for (const auto time : {2ms, 4ms, 4ms, 4ms, 5ms, 5ms, 7ms, 9ms}) {
        trips.add(time);
    }
    EXPECT_EQ(trips.count(), 8U);
    EXPECT_EQ(trips.min(), 2ms);
    EXPECT_EQ(trips.max(), 9ms);
    EXPECT_EQ(trips.mean(), 5ms);
    EXPECT_EQ(trips.deviation(), 2ms);
}

TEST(RoundTrips, OneRoundTripHasNoDeviation) {
    RoundTrips trips;
    trips.add(123us);
    EXPECT_EQ(trips.min(), 123us);
    EXPECT_EQ(trips.mean(), 123us);
    EXPECT_EQ(trips.max(), 123us);
    EXPECT_EQ(trips.deviation(), 0ns);
}

TEST(RoundTrips, JitterIsTheMeanDifferenceOfSuccessiveOnes) {
    RoundTrips trips;
    EXPECT_EQ(trips.jitter(), 0ns);
    trips.add(5ms);
    EXPECT_EQ(trips.jitter(), 0ns);
    trips.add(2ms);
    EXPECT_EQ(trips.jitter(), 3ms);
    trips.add(6ms);
    trips.add(6ms);
    trips.add(1ms);
    EXPECT_EQ(trips.jitter(), 3ms) << "3, 4, 0 and 5";
}

TEST(RoundTrips, DeviationIsExactWhereTheSumOfSquaresWouldNotBe) {
    RoundTrips trips;
    for (int i = 0; i < 100'000; ++i) {
        trips.add(1h + (i % 2 == 0 ? 1ns : 3ns));
    }
    EXPECT_EQ(trips.deviation(), 1ns);
}

TEST(PingSummary, IsWordedLikePing) {
    RoundTrips trips;
    trips.add(100us);
    trips.add(300us);
    EXPECT_EQ(summary("tcp://127.0.0.1:7007", {.sent = 2, .answered = 2}, trips, 1001ms),
              "--- tcp://127.0.0.1:7007 ping statistics ---\n"
              "2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n"
              "rtt min/avg/max/mdev = 0.100/0.200/0.300/0.100 ms\n"
              "jitter = 0.200 ms\n");
}

TEST(PingSummary, LeavesOutRoundTripsWhereThereIsNone) {
    EXPECT_EQ(summary("x", {.sent = 3}, RoundTrips(), 2s),
              "--- x ping statistics ---\n3 packets transmitted, 0 received, 100% packet loss, time 2000ms\n");
    EXPECT_EQ(summary("x", {}, RoundTrips(), 0s),
              "--- x ping statistics ---\n0 packets transmitted, 0 received, 0% packet loss, time 0ms\n");
}

TEST(PingSummary, TellsOfLateAndCorruptedOnes) {
    const std::string text = summary("x", {.sent = 6, .answered = 4, .late = 1, .corrupted = 1}, RoundTrips(), 5s);
    EXPECT_NE(text.find("6 packets transmitted, 4 received, +1 late, +1 corrupted, 33.3333% packet loss"),
              std::string::npos)
        << text;
}

TEST(PingSummary, TellsOfWhatDatagramsDo) {
    const PingTally tally{.sent = 6,
                          .answered = 3,
                          .late = 1,
                          .corrupted = 1,
                          .duplicates = 4,
                          .reordered = 2,
                          .foreign = 7,
                          .under_way = 1};
    EXPECT_NE(summary("x", tally, RoundTrips(), 5s)
                  .find("6 packets transmitted, 3 received, +4 duplicates, +1 late, +1 corrupted, +7 foreign, "
                        "+1 under way, 2 reordered, 40% packet loss"),
              std::string::npos);
}

TEST(PingSummary, AProbeUnderWayIsNotLost) {
    const PingTally tally{.sent = 4, .answered = 3, .under_way = 1};
    EXPECT_EQ(tally.lost(), 0U);
    const std::string text = summary("x", tally, RoundTrips(), 3s);
    EXPECT_NE(text.find("4 packets transmitted, 3 received, +1 under way, 0% packet loss"), std::string::npos) << text;
}

TEST(PingSummary, ARareLossIsNotRoundedAway) {
    const std::string text = summary("x", {.sent = 1'000'000, .answered = 999'999}, RoundTrips(), 3s);
    EXPECT_NE(text.find("0.0001% packet loss"), std::string::npos) << text;
}

}  // namespace
}  // namespace mynah::client
