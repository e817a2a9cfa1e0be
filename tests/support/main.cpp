// main() of every test program.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/leak_listener.hpp"

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    auto listener = std::make_unique<mynah::test_support::LeakListener>();
    testing::UnitTest::GetInstance()->listeners().Append(listener.release());  // GoogleTest deletes it
    return RUN_ALL_TESTS();
}
