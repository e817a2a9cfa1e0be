#include "server/limits.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

using Ticket = ConnectionLimits::Ticket;

TEST(ConnectionLimits, RefusesBeyondTheTotal) {
    ConnectionLimits limits({.connections = 2, .per_address = 0});
    const auto first = limits.admit("192.0.2.1");
    const auto second = limits.admit("192.0.2.1");
    const auto third = limits.admit("192.0.2.2");
    EXPECT_TRUE(first.has_value());
    EXPECT_TRUE(second.has_value());
    ASSERT_FALSE(third.has_value());
    EXPECT_EQ(third.error(), Refusal::connections);
    EXPECT_EQ(to_string(third.error()), "limits.connections");
    EXPECT_EQ(limits.open(), 2U);
}

TEST(ConnectionLimits, RefusesBeyondTheAddressesShareOnly) {
    ConnectionLimits limits({.connections = 10, .per_address = 1});
    const auto first = limits.admit("192.0.2.1");
    const auto second = limits.admit("192.0.2.1");
    const auto other = limits.admit("192.0.2.2");
    EXPECT_TRUE(first.has_value());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error(), Refusal::per_address);
    EXPECT_EQ(to_string(second.error()), "limits.per_address");
    EXPECT_TRUE(other.has_value());
    EXPECT_EQ(limits.open(), 2U);
    EXPECT_EQ(limits.open("192.0.2.1"), 1U);
}

TEST(ConnectionLimits, ATicketsEndGivesItsPlaceBack) {
    ConnectionLimits limits({.connections = 1, .per_address = 1});
    {
        const auto ticket = limits.admit("192.0.2.1");
        EXPECT_EQ(limits.open(), 1U);
    }
    EXPECT_EQ(limits.open(), 0U);
    EXPECT_EQ(limits.open("192.0.2.1"), 0U);
    EXPECT_TRUE(limits.admit("192.0.2.1").has_value());
}

TEST(ConnectionLimits, AMovedTicketCountsOnce) {
    ConnectionLimits limits({.connections = 5, .per_address = 5});
    auto admitted = limits.admit("192.0.2.1");
    std::optional<Ticket> moved(std::move(*admitted));
    EXPECT_EQ(limits.open(), 1U);
    moved.reset();
    EXPECT_EQ(limits.open(), 0U);
}

TEST(ConnectionLimits, AnAssignedTicketGivesUpWhatItHeldAtOnce) {
    ConnectionLimits limits({.connections = 5, .per_address = 5});
    auto first = limits.admit("192.0.2.1");
    auto second = limits.admit("192.0.2.2");
    *first = std::move(*second);
    EXPECT_EQ(limits.open(), 1U);
    EXPECT_EQ(limits.open("192.0.2.1"), 0U);
    EXPECT_EQ(limits.open("192.0.2.2"), 1U);
}

TEST(ConnectionLimits, ManyThreadsNeverExceedTheLimits) {
    constexpr int kThreads = 4;
    constexpr int kRounds = 5'000;
    ConnectionLimits limits({.connections = 3, .per_address = 2});
    std::atomic<int> admitted = 0;
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&limits, &admitted, i] {
            const std::string host = i % 2 == 0 ? "even" : "odd";
            for (int round = 0; round < kRounds; ++round) {
                if (const auto ticket = limits.admit(host)) {
                    ++admitted;
                    EXPECT_LE(limits.open(), 3U);
                    EXPECT_LE(limits.open(host), 2U);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_GT(admitted, 0);
    EXPECT_EQ(limits.open(), 0U);
}

TEST(ConnectionLimitsDeathTest, TicketsMustNotOutliveTheirLimits) {
    EXPECT_DEATH(
        {
            std::optional<Ticket> ticket;
            ConnectionLimits limits({.connections = 1, .per_address = 0});
            ticket.emplace(*limits.admit("192.0.2.1"));
        },
        "destroyed while connections are open");
}

}  // namespace
}  // namespace mynah::server
