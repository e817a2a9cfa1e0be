#include "server/process_usage.hpp"

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

TEST(ProcessUsage, TellsOfTimeAndMemoryThatWereUsed) {
    const ProcessUsage before = process_usage();
    EXPECT_GT(before.resident_bytes, 1'000'000U);
    volatile unsigned spent = 0;
    while (process_usage().cpu_seconds < before.cpu_seconds + 0.01) {
        spent = spent + 1;
    }
    EXPECT_GT(spent, 0U);
}

}  // namespace
}  // namespace mynah::server
