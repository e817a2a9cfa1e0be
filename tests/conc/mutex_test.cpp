#include "conc/mutex.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class MutexTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(MutexTest);

TEST_P(MutexTest, OneTaskAtATimeHoldsIt) {
    run([this]() -> Task<void> {
        Mutex mutex;
        int counter = 0;
        int inside = 0;
        const int each = simulated() ? 10 : 2000;
        WaitGroup wg;
        for (int i = 0; i < 8; ++i) {
            wg.go([&]() -> Task<void> {
                for (int k = 0; k < each; ++k) {
                    const auto guard = co_await mutex.lock();
                    EXPECT_EQ(++inside, 1);
                    if (k % 16 == 0) {
                        co_await yield();
                    }
                    ++counter;
                    --inside;
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(counter, 8 * each);
        EXPECT_TRUE(mutex.try_lock());
        mutex.unlock();
    });
}

TEST_P(MutexTest, UnlockHandsItToWhoHasWaitedLongest) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            auto guard = co_await mutex.lock();
            std::vector<int> order;
            WaitGroup wg;
            for (int i = 0; i < 6; ++i) {
                wg.go([&, i]() -> Task<void> {
                    const auto mine = co_await mutex.lock();
                    order.push_back(i);
                });
                co_await until_parked("sync.Mutex.Lock", static_cast<std::size_t>(i) + 1);
            }
            guard.unlock();
            co_await wg.wait();
            EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5}));
        },
        100);
}

// Go's TestMutexFairness: a task that takes the mutex again and again does not keep another one out.
TEST_P(MutexTest, AGreedyTaskDoesNotStarveAnother) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            bool stop = false;
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                for (;;) {
                    const auto guard = co_await mutex.lock();
                    co_await sleep_for(std::chrono::microseconds(100));
                    if (stop) {
                        break;
                    }
                }
            });
            for (int i = 0; i < 10; ++i) {
                co_await sleep_for(std::chrono::microseconds(100));
                const auto guard = co_await mutex.lock();
            }
            {
                const auto guard = co_await mutex.lock();
                stop = true;
            }
            co_await wg.wait();
        },
        50);
}

TEST_P(MutexTest, TryLockNeverWaits) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            EXPECT_TRUE(mutex.try_lock());
            EXPECT_FALSE(mutex.try_lock());
            mutex.unlock();
            {
                const auto guard = co_await mutex.lock();
                EXPECT_FALSE(mutex.try_lock());
            }
            EXPECT_TRUE(mutex.try_lock());
            const Mutex::Guard guard(mutex);
        },
        5);
}

TEST_P(MutexTest, MayBeUnlockedByAnotherTaskThanLockedIt) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            EXPECT_TRUE(mutex.try_lock());
            go([&mutex]() -> Task<void> {
                mutex.unlock();
                co_return;
            });
            const auto guard = co_await mutex.lock();
            EXPECT_FALSE(mutex.try_lock());
            co_await until([] { return task_count() == 1; });
        },
        50);
}

TEST_P(MutexTest, AGuardMovesItsLock) {
    run(
        []() -> Task<void> {
            Mutex first;
            Mutex second;
            auto guard = co_await first.lock();
            auto moved = std::move(guard);
            EXPECT_FALSE(first.try_lock());
            moved = co_await second.lock();
            EXPECT_TRUE(first.try_lock());
            first.unlock();
            EXPECT_FALSE(second.try_lock());
            moved.unlock();
            moved.unlock();  // an empty guard unlocks nothing
            EXPECT_TRUE(second.try_lock());
            second.unlock();
        },
        5);
}

// A task that was handed the mutex but has not run since is destroyed after the mutex.
TEST(Mutex, MayBeGoneBeforeWhoWasHandedIt) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            auto mutex = std::make_unique<Mutex>();
            EXPECT_TRUE(mutex->try_lock());
            for (std::size_t i = 1; i <= 3; ++i) {
                go([lock = mutex.get()]() -> Task<void> { const auto guard = co_await lock->lock(); });
                co_await until_parked("sync.Mutex.Lock", i);
            }
            mutex->unlock();
            mutex.reset();
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 3U);
    }
}

// The task that owns the mutex started later than the one that was handed it, so it is destroyed first.
TEST(Mutex, OfAYoungerTaskMayBeGoneBeforeWhoWasHandedIt) {
    Scheduler scheduler({.workers = 1});
    scheduler.run([]() -> Task<void> {
        const Channel<Mutex*> mutexes(2);
        go([mutexes]() -> Task<void> {
            const auto mutex = co_await mutexes.recv();
            const auto guard = co_await (*mutex)->lock();
        });
        go([mutexes]() -> Task<void> {
            const auto mutex = std::make_unique<Mutex>();
            EXPECT_TRUE(mutex->try_lock());
            co_await mutexes.send(mutex.get());
            co_await mutexes.send(mutex.get());
            co_await Channel<int>().recv();
        });
        co_await until_parked("sync.Mutex.Lock");
        const auto mutex = co_await mutexes.recv();
        (*mutex)->unlock();
    }());
    EXPECT_EQ(scheduler.abandoned().size(), 2U);
}

// Whoever locks it next may destroy it as soon as it has unlocked: the one before touches it no more.
TEST_P(MutexTest, MayBeDestroyedRightAfterTheLastUnlock) {
    run([this]() -> Task<void> {
        for (int k = 0; k < rounds(2000); ++k) {
            WaitGroup wg;
            auto* mutex = std::make_unique<Mutex>().release();
            int left = 3;
            for (int i = 0; i < 3; ++i) {
                wg.go([mutex, &left]() -> Task<void> {
                    auto guard = co_await mutex->lock();
                    const bool last = --left == 0;
                    guard.unlock();
                    if (last) {
                        const std::unique_ptr<Mutex> owned(mutex);
                    }
                });
            }
            co_await wg.wait();
        }
    });
}

TEST(MutexDeathTest, UnlockOfAnUnlockedMutexIsFatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Mutex mutex;
    EXPECT_DEATH(mutex.unlock(), "fatal error: unlock of an unlocked Mutex");
}

}  // namespace
}  // namespace mynah::conc
