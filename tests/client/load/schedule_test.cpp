#include "client/load/schedule.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "client/load/options.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {
namespace {

using namespace std::chrono_literals;

const conc::TimePoint kBegin{1000h};

Schedule begun(const Options& options) {
    Schedule schedule(options);
    schedule.begin(kBegin);
    return schedule;
}

TEST(Schedule, AClosedLoopIsDueAtOnceUntilItsTimeIsOver) {
    Schedule schedule = begun({.address = {}, .duration = 2s, .warm_up = 1s});
    EXPECT_EQ(schedule.measured_from(), kBegin + 1s);
    EXPECT_EQ(schedule.take(0, kBegin), kBegin);
    EXPECT_EQ(schedule.take(0, kBegin + 3s - 1ns), kBegin + 3s - 1ns);
    EXPECT_EQ(schedule.take(0, kBegin + 3s), std::nullopt);
    EXPECT_FALSE(schedule.is_over(kBegin + 3s - 1ns));
    EXPECT_TRUE(schedule.is_over(kBegin + 3s));
}

TEST(Schedule, AnOpenLoopIsDueAtEvenDistances) {
    const Schedule schedule = begun({.address = {}, .rate = 3});
    EXPECT_EQ(schedule.due(0), kBegin);
    EXPECT_EQ(schedule.due(1), kBegin + 333'333'333ns);
    EXPECT_EQ(schedule.due(2), kBegin + 666'666'666ns);
    EXPECT_EQ(schedule.due(3), kBegin + 1s);
    EXPECT_EQ(schedule.due(std::uint64_t{3} * 3600 * 24 * 365), kBegin + 24h * 365) << "no overflow, no drift";
}

TEST(Schedule, AnOpenLoopSendsNothingEarly) {
    Schedule schedule = begun({.address = {}, .rate = 1000});
    EXPECT_EQ(schedule.take(7, kBegin + 7ms - 1ns), std::nullopt);
    EXPECT_EQ(schedule.take(7, kBegin + 7ms), kBegin + 7ms);
    EXPECT_EQ(schedule.take(8, kBegin + 50ms), kBegin + 8ms) << "late, the plan stays what it was";
}

TEST(Schedule, WhatFallsDueAtTheEndOfAnOpenLoopIsStillSentALittleLater) {
    Schedule schedule = begun({.address = {}, .duration = 1s, .rate = 1000});
    EXPECT_EQ(schedule.take(999, kBegin + 1s + 1ms), kBegin + 999ms);
    EXPECT_EQ(schedule.take(1000, kBegin + 1s + 1ms), std::nullopt) << "due at the end: no more";
    EXPECT_EQ(schedule.take(998, kBegin + 1s + Schedule::kGrace), std::nullopt);
    EXPECT_TRUE(schedule.is_over(kBegin + 1s + Schedule::kGrace));
    EXPECT_EQ(schedule.planned(), 1000U);
}

TEST(Schedule, CountsMessagesAfterTheWarmUpOnly) {
    Schedule schedule = begun({.address = {}, .duration = {}, .count = 2, .warm_up = 1s});
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(schedule.take(0, kBegin + 1s - 1ns).has_value());
    }
    EXPECT_TRUE(schedule.take(0, kBegin + 1s).has_value());
    EXPECT_FALSE(schedule.is_over(kBegin + 1s));
    EXPECT_TRUE(schedule.take(0, kBegin + 2s).has_value());
    EXPECT_TRUE(schedule.is_over(kBegin + 2s)) << "that was the last";
    EXPECT_EQ(schedule.take(0, kBegin + 2s), std::nullopt);
    EXPECT_EQ(schedule.stops_at(), kBegin + 2s);
}

TEST(Schedule, StopsEarlyWhenTold) {
    Schedule schedule = begun({.address = {}, .duration = 10s, .rate = 10});
    schedule.stop(kBegin + 2s);
    EXPECT_EQ(schedule.take(20, kBegin + 2s), std::nullopt);
    EXPECT_EQ(schedule.planned(), 20U);
    schedule.stop(kBegin + 5s);
    EXPECT_EQ(schedule.stops_at(), kBegin + 2s) << "it does not go on again";
}

TEST(Schedule, KnowsHowManyWerePlanned) {
    EXPECT_EQ(begun({.address = {}, .duration = 1s, .rate = 3}).planned(), 3U);
    EXPECT_EQ(begun({.address = {}, .duration = 1001ms, .rate = 3}).planned(), 4U) << "one is due at 1 s";
    EXPECT_EQ(begun({.address = {}, .duration = 2s, .rate = 1'000'003}).planned(), 2'000'006U);
    EXPECT_EQ(begun({.address = {}, .duration = 2s, .count = 5, .rate = 100}).planned(), 5U);
    Schedule warming = begun({.address = {}, .duration = 2s, .rate = 100, .warm_up = 5s});
    EXPECT_EQ(warming.planned(), 200U);
    warming.stop(kBegin + 4s);
    EXPECT_EQ(warming.planned(), 0U) << "stopped before anything counted";
}

}  // namespace
}  // namespace mynah::client::load
