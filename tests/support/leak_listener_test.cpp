#include "tests/support/leak_listener.hpp"

#include <string>

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace mynah::test_support {
namespace {

TEST(LeakListener, ListingDescriptorsIsNotItselfALeak) {
    EXPECT_EQ(open_descriptors(), open_descriptors());
}

TEST(LeakListener, NamesWhatADescriptorLeftBehindRefersTo) {
    const OpenDescriptors before = open_descriptors();
    const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    const OpenDescriptors leaked = left_behind(before, open_descriptors());
    EXPECT_EQ(leaked, (OpenDescriptors{{descriptor, "/dev/null"}}));
    close(descriptor);
    EXPECT_TRUE(left_behind(before, open_descriptors()).empty());
}

TEST(LeakListener, CountsANumberThatWasClosedAndTakenAgain) {
    EXPECT_EQ(left_behind({{5, "pipe:[1]"}}, {{5, "pipe:[2]"}}), (OpenDescriptors{{5, "pipe:[2]"}}));
}

TEST(LeakListener, FailsTheTestThatLeaks) {
    LeakListener listener;
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    listener.OnTestStart(test);
    const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    EXPECT_NONFATAL_FAILURE(listener.OnTestEnd(test),
                            "LeakListener.FailsTheTestThatLeaks left descriptor " + std::to_string(descriptor));
    close(descriptor);
}

}  // namespace
}  // namespace mynah::test_support
