#include "conc/task.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

Task<int> plain(int value) {
    co_return value;
}

Task<std::unique_ptr<int>> owner(int value) {
    co_return std::make_unique<int>(value);
}

Task<int&> reference(int* value) {
    co_return *value;
}

Task<int> yielding(int value) {
    co_await yield();
    co_return value;
}

TEST(Task, RunsWhenItIsAwaitedAndNotBefore) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        bool ran = false;
        const auto body = [&ran]() -> Task<void> {
            ran = true;
            co_return;
        };
        Task<void> task = body();
        EXPECT_FALSE(ran);
        co_await task;
        EXPECT_TRUE(ran);
    }());
}

TEST(Task, ReturnsValuesOwnersAndReferences) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const int value = co_await plain(4);
        EXPECT_EQ(value, 4);
        const auto owned = co_await owner(5);
        EXPECT_EQ(*owned, 5);
        int target = 6;
        int& same = co_await reference(&target);
        EXPECT_EQ(&same, &target);
        const int later = co_await yielding(7);
        EXPECT_EQ(later, 7);
    }());
}

TEST(Task, AnExceptionReachesWhoAwaits) {
    const auto fails = [](bool late) -> Task<int> {
        if (late) {
            co_await yield();
        }
        throw std::runtime_error("inside");
    };
    test::run_task({.workers = 1}, [](auto failing) -> Task<void> {
        for (const bool late : {false, true}) {
            std::string message;
            try {
                co_await failing(late);
            } catch (const std::runtime_error& error) {
                message = error.what();
            }
            EXPECT_EQ(message, "inside");
        }
    }(fails));
}

TEST(Task, OneThatNeverRanFreesItsArguments) {
    const auto held = std::make_shared<int>(1);
    const auto body = [](std::shared_ptr<int> /*argument*/) -> Task<void> { co_return; };
    {
        const Task<void> task = body(held);
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(Task, MovesAndIsFalseOnceMovedFrom) {
    const auto held = std::make_shared<int>(1);
    const auto body = [](std::shared_ptr<int> argument) -> Task<int> { co_return *argument; };
    Task<int> first = body(held);
    Task<int> second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the state that is promised
    EXPECT_TRUE(second);
    second = body(held);
    EXPECT_EQ(held.use_count(), 2);  // the former one is gone
    EXPECT_EQ(test::run_task({.workers = 1}, std::move(second)), 1);
}

Task<std::uint64_t> depth(std::uint64_t levels) {
    if (levels == 0) {
        co_return 0;
    }
    const std::uint64_t below = co_await depth(levels - 1);
    co_return below + 1;
}

// The way down and the way back use no stack.
TEST(Task, ManyAwaitsInsideOneAnotherDoNotOverflowTheStack) {
    EXPECT_EQ(test::run_task({.workers = 1}, depth(200'000)), 200'000U);
}

TEST(Task, ManyAwaitsAfterOneAnotherDoNotOverflowTheStack) {
    const auto sum = test::run_task({.workers = 1}, []() -> Task<int> {
        int total = 0;
        for (int i = 0; i < 500'000; ++i) {
            total += co_await plain(1);
        }
        co_return total;
    }());
    EXPECT_EQ(sum, 500'000);
}

TEST(Task, LocalsAreDestroyedBeforeTheAwaitReturns) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const auto held = std::make_shared<int>(1);
        const auto body = [held]() -> Task<void> {
            const auto local = held;  // NOLINT(performance-unnecessary-copy-initialization)
            co_await yield();
        };
        EXPECT_EQ(held.use_count(), 2);
        co_await body();
        EXPECT_EQ(held.use_count(), 2);
    }());
}

}  // namespace
}  // namespace mynah::conc
