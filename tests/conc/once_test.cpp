#include "conc/once.hpp"

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class OnceTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(OnceTest);

TEST_P(OnceTest, RunsOnceForEverybody) {
    run([]() -> Task<void> {
        Once once;
        int runs = 0;
        WaitGroup wg;
        for (int i = 0; i < 20; ++i) {
            wg.go([&]() -> Task<void> {
                const auto count = [&runs] { ++runs; };
                co_await once.run(count);
                EXPECT_EQ(runs, 1);
                EXPECT_TRUE(once.done());
            });
        }
        co_await wg.wait();
        EXPECT_EQ(runs, 1);
    });
}

TEST_P(OnceTest, LaterCallersWaitForTheFirstToFinish) {
    run([]() -> Task<void> {
        Once once;
        const Channel<Unit> gate(0);
        bool finished = false;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            const auto slow = [&]() -> Task<void> {
                co_await gate.recv();
                finished = true;
            };
            co_await once.run(slow);
        });
        co_await until_parked("chan receive");
        for (int i = 0; i < 5; ++i) {
            wg.go([&]() -> Task<void> {
                co_await once.run([] { ADD_FAILURE() << "ran twice"; });
                EXPECT_TRUE(finished);
            });
        }
        co_await until_parked("sync.Once.Do", 5);  // parked, so their workers are free for others
        EXPECT_FALSE(once.done());
        co_await gate.send(Unit());
        co_await wg.wait();
    });
}

TEST_P(OnceTest, CountsAsDoneEvenWhenTheFunctionPanics) {
    run(
        []() -> Task<void> {
            Once once;
            bool caught = false;
            try {
                const auto fails = [] { throw Panic("first"); };
                co_await once.run(fails);
            } catch (const Panic& panic) {
                EXPECT_STREQ(panic.what(), "first");
                caught = true;
            }
            EXPECT_TRUE(caught);
            EXPECT_TRUE(once.done());
            const auto again = [] { ADD_FAILURE() << "ran twice"; };
            co_await once.run(again);
        },
        20);
}

TEST_P(OnceTest, WaitersWakeWhenTheFunctionPanics) {
    run([]() -> Task<void> {
        Once once;
        const Channel<Unit> gate(0);
        WaitGroup wg;
        int caught = 0;
        wg.go([&]() -> Task<void> {
            const auto fails = [&]() -> Task<void> {
                co_await gate.recv();
                throw Panic("late");
            };
            try {
                co_await once.run(fails);
            } catch (const Panic&) {
                ++caught;
            }
        });
        co_await until_parked("chan receive");
        for (int i = 0; i < 3; ++i) {
            wg.go([&]() -> Task<void> { co_await once.run([] { ADD_FAILURE() << "ran twice"; }); });
        }
        co_await until_parked("sync.Once.Do", 3);
        co_await gate.send(Unit());
        co_await wg.wait();
        EXPECT_EQ(caught, 1);
    });
}

TEST_P(OnceTest, ValueIsMadeOnceAndSharedByAll) {
    run([]() -> Task<void> {
        int made = 0;
        OnceValue<std::string> lazy([&made]() -> Task<std::string> {
            ++made;
            co_await yield();
            co_return "value";
        });
        EXPECT_EQ(lazy.peek(), nullptr);
        WaitGroup wg;
        const std::string* address = nullptr;
        Mutex mutex;
        for (int i = 0; i < 10; ++i) {
            wg.go([&]() -> Task<void> {
                const std::string& value = co_await lazy.get();
                EXPECT_EQ(value, "value");
                const auto guard = co_await mutex.lock();
                EXPECT_TRUE(address == nullptr || address == &value);
                address = &value;
            });
        }
        co_await wg.wait();
        EXPECT_EQ(made, 1);
        EXPECT_EQ(lazy.peek(), address);
    });
}

TEST_P(OnceTest, ValueRepeatsTheSamePanicOnEveryCall) {
    run(
        []() -> Task<void> {
            int calls = 0;
            OnceValue<int> lazy([&calls]() -> int {
                ++calls;
                throw std::runtime_error("call " + std::to_string(calls));
            });
            for (int i = 0; i < 3; ++i) {
                std::string message;
                try {
                    co_await lazy.get();
                } catch (const std::runtime_error& error) {
                    message = error.what();
                }
                EXPECT_EQ(message, "call 1");
            }
            EXPECT_EQ(calls, 1);
            EXPECT_EQ(lazy.peek(), nullptr);
        },
        20);
}

TEST_P(OnceTest, ValueReleasesItsFunctionAfterTheFirstCall) {
    run(
        []() -> Task<void> {
            const auto held = std::make_shared<int>(5);
            OnceValue<int> plain([held] { return *held; });
            OnceValue<int> task([held]() -> Task<int> { co_return *held; });
            OnceValue<int> fails([held]() -> int { throw Panic("no value"); });
            EXPECT_EQ(held.use_count(), 4);
            const int& first = co_await plain.get();
            EXPECT_EQ(first, 5);
            EXPECT_EQ(held.use_count(), 3);
            const int& second = co_await task.get();
            EXPECT_EQ(second, 5);
            EXPECT_EQ(held.use_count(), 2);
            bool failed = false;
            try {
                co_await fails.get();
            } catch (const Panic&) {
                failed = true;
            }
            EXPECT_TRUE(failed);
            EXPECT_EQ(held.use_count(), 1);
        },
        20);
}

TEST_P(OnceTest, ValueMayBeMoveOnly) {
    run(
        []() -> Task<void> {
            OnceValue<std::unique_ptr<int>> lazy([] { return std::make_unique<int>(3); });
            const auto& owner = co_await lazy.get();
            EXPECT_EQ(*owner, 3);
        },
        5);
}

}  // namespace
}  // namespace mynah::conc
