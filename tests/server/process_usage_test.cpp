#include "server/process_usage.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

TEST(ProcessUsage, TellsOfTimeAndMemoryThatWereUsed) {
    const ProcessUsage before = process_usage();
    EXPECT_LE(before.started, std::chrono::system_clock::now());
    EXPECT_GT(before.started, std::chrono::system_clock::now() - std::chrono::hours(24));
    EXPECT_GT(before.resident_bytes, 1'000'000U);
    volatile unsigned spent = 0;
    while (process_usage().cpu_seconds < before.cpu_seconds + 0.01) {
        spent = spent + 1;
    }
    EXPECT_GT(spent, 0U);
}

}  // namespace
}  // namespace mynah::server
