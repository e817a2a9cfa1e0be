#include "conc/wait_group.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class WaitGroupTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(WaitGroupTest);

TEST_P(WaitGroupTest, WaitReturnsWhenAllAreDone) {
    run([]() -> Task<void> {
        WaitGroup wg;
        std::vector<int> done(50, 0);
        for (std::size_t i = 0; i < done.size(); ++i) {
            wg.go([&done, i]() -> Task<void> {
                co_await yield();
                done[i] =
                    1;  // plain memory: done() synchronizes before the wait returns, as ThreadSanitizer would tell
            });
        }
        co_await wg.wait();
        EXPECT_EQ(done, std::vector<int>(done.size(), 1));
    });
}

TEST_P(WaitGroupTest, WaitOnAnEmptyGroupReturnsAtOnce) {
    run(
        []() -> Task<void> {
            WaitGroup wg;
            co_await wg.wait();
            wg.add(1);
            wg.done();
            co_await wg.wait();
        },
        5);
}

TEST_P(WaitGroupTest, EveryWaiterWakes) {
    run([]() -> Task<void> {
        WaitGroup group;
        group.add(2);
        WaitGroup waiters;
        for (int i = 0; i < 10; ++i) {
            waiters.go([&group]() -> Task<void> { co_await group.wait(); });
        }
        co_await until_parked("sync.WaitGroup.Wait", 10);
        group.done();
        EXPECT_EQ(tasks_in("sync.WaitGroup.Wait"), 10U);
        group.done();
        co_await waiters.wait();
    });
}

TEST_P(WaitGroupTest, MayBeUsedAgainAfterWait) {
    run([this]() -> Task<void> {
        WaitGroup wg;
        int sum = 0;
        for (int round = 0; round < rounds(500) + 3; ++round) {
            wg.add(1);
            go([&]() -> Task<void> {
                ++sum;
                wg.done();
                co_return;
            });
            co_await wg.wait();
            EXPECT_EQ(sum, round + 1);
        }
    });
}

// stdexec 1731: the last done() must not touch the group once a waiter may have destroyed it. The group lives on the
// heap, so AddressSanitizer sees a late access.
TEST_P(WaitGroupTest, MayBeDestroyedAsSoonAsWaitHasReturned) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(3000); ++round) {
            auto wg = std::make_unique<WaitGroup>();
            wg->add(2);
            for (int i = 0; i < 2; ++i) {
                go([group = wg.get()]() -> Task<void> {
                    group->done();
                    co_return;
                });
            }
            if (round % 2 != 0) {
                co_await yield();
            }
            co_await wg->wait();
            wg.reset();
        }
        co_await until([] { return task_count() == 1; });
    });
}

TEST_P(WaitGroupTest, GoCountsATaskThatFailedAsDone) {
    run(
        []() -> Task<void> {
            WaitGroup wg;
            bool caught = false;
            wg.go([&]() -> Task<void> {
                const auto inner = []() -> Task<void> {
                    throw std::runtime_error("inner");
                    co_return;
                };
                try {
                    co_await inner();
                } catch (const std::runtime_error&) {
                    caught = true;
                }
            });
            co_await wg.wait();
            EXPECT_TRUE(caught);
        },
        20);
}

TEST_P(WaitGroupTest, GoPassesArgumentsAndKeepsTheClosure) {
    run(
        []() -> Task<void> {
            WaitGroup wg;
            int sum = 0;
            Mutex mutex;
            const auto add = [&sum, &mutex](auto... values) -> Task<void> {
                const auto guard = co_await mutex.lock();
                sum += (0 + ... + values);
            };
            wg.go(add);
            wg.go(add, 1);
            wg.go(add, 2, 3);
            wg.go(add, 4, 5, 6);
            wg.go(add, 7, 8, 9, 10);
            wg.go(
                [&, held = std::make_unique<int>(100)](std::unique_ptr<int> more) -> Task<void> {
                    co_await yield();
                    const auto guard = co_await mutex.lock();
                    sum += *held + *more;
                },
                std::make_unique<int>(1000));
            co_await wg.wait();
            EXPECT_EQ(sum, 55 + 1100);
        },
        50);
}

// Whoever waits may destroy what the closure refers to: it is gone, with all that it holds, before wait() returns.
TEST_P(WaitGroupTest, TheClosureOfGoIsGoneBeforeWaitReturns) {
    run(
        []() -> Task<void> {
            const auto held = std::make_shared<int>(1);
            WaitGroup wg;
            for (int i = 0; i < 8; ++i) {
                wg.go([held, i]() -> Task<void> {
                    if (i % 2 == 0) {
                        co_await yield();
                    }
                });
                wg.go([](std::shared_ptr<int> /*argument*/) -> Task<void> { co_await yield(); }, held);
            }
            co_await wg.wait();
            EXPECT_EQ(held.use_count(), 1);
        },
        200);
}

TEST(WaitGroup, BelowZeroPanics) {
    WaitGroup wg;
    EXPECT_THROW(wg.done(), Panic);
    wg.add(1);
    EXPECT_THROW(wg.add(-2), Panic);
    wg.done();
    EXPECT_THROW(wg.done(), Panic);
}

TEST(WaitGroup, GoOutsideOfATaskPanicsAndCountsNothing) {
    WaitGroup wg;
    EXPECT_THROW(wg.go([]() -> Task<void> { co_return; }), Panic);
    EXPECT_THROW(wg.done(), Panic);
}

}  // namespace
}  // namespace mynah::conc
