#include "client/progress.hpp"

#include <gtest/gtest.h>

#include "client/counted.hpp"

namespace mynah::client {
namespace {

using namespace std::chrono_literals;

TEST(Counted, BytesHaveASingular) {
    EXPECT_EQ(count_bytes(0), "0 bytes");
    EXPECT_EQ(count_bytes(1), "1 byte");
    EXPECT_EQ(count_bytes(2), "2 bytes");
}

TEST(Counted, SizesHaveTheUnitThatFits) {
    EXPECT_EQ(short_size(0), "0 B");
    EXPECT_EQ(short_size(1023), "1023 B");
    EXPECT_EQ(short_size(1024), "1.0 KiB");
    EXPECT_EQ(short_size(1536), "1.5 KiB");
    EXPECT_EQ(short_size(1024.0 * 1024 - 1), "1.0 MiB");
    EXPECT_EQ(short_size(64.0 * 1024 * 1024), "64.0 MiB");
    EXPECT_EQ(short_size(5e15), "4547.5 TiB");
}

TEST(Progress, TellsAllBytesAndTheRecentRate) {
    EXPECT_EQ(progress_line(67'108'864, 1'048'576, 500ms), "64.0 MiB back, 2.0 MiB/s");
    EXPECT_EQ(progress_line(0, 0, 0s), "0 B back, 0 B/s");
}

}  // namespace
}  // namespace mynah::client
