#include "conc/cond.hpp"

#include <cstddef>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class CondTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(CondTest);

// Go's TestCondSignal and TestCondSignalGenerations: one waiter a signal, in order of arrival.
TEST_P(CondTest, SignalWakesWhoHasWaitedLongest) {
    run(
        []() -> Task<void> {
            constexpr std::size_t kWaiters = 8;
            Mutex mutex;
            Cond cond(mutex);
            std::vector<std::size_t> woken;
            WaitGroup wg;
            for (std::size_t i = 0; i < kWaiters; ++i) {
                wg.go([&, i]() -> Task<void> {
                    auto guard = co_await mutex.lock();
                    co_await cond.wait(guard);
                    EXPECT_TRUE(guard.holds(mutex));
                    woken.push_back(i);
                });
                co_await until_parked("sync.Cond.Wait", i + 1);
            }
            for (std::size_t i = 0; i < kWaiters; ++i) {
                {
                    const auto guard = co_await mutex.lock();
                    EXPECT_EQ(woken.size(), i);
                    cond.signal();
                }
                co_await until_parked("sync.Cond.Wait", kWaiters - i - 1);
                const auto count = [&]() -> Task<std::size_t> {
                    const auto guard = co_await mutex.lock();
                    co_return woken.size();
                };
                // The one that was signalled was before us in the mutex's queue.
                const std::size_t now_woken = co_await count();
                EXPECT_EQ(now_woken, i + 1);
            }
            cond.signal();  // nobody is there any more
            co_await wg.wait();
            EXPECT_EQ(woken, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7}));
        },
        50);
}

// Go's TestCondBroadcast.
TEST_P(CondTest, BroadcastWakesAll) {
    run(
        [this]() -> Task<void> {
            constexpr std::size_t kWaiters = 50;
            Mutex mutex;
            Cond cond(mutex);
            int generation = 0;
            std::size_t ended = 0;
            const int last = rounds(20) + 2;
            WaitGroup wg;
            for (std::size_t i = 0; i < kWaiters; ++i) {
                wg.go([&]() -> Task<void> {
                    auto guard = co_await mutex.lock();
                    while (generation < last) {
                        co_await cond.wait(guard);
                    }
                    ++ended;
                });
            }
            while (generation < last) {
                co_await until_parked("sync.Cond.Wait", kWaiters);
                const auto guard = co_await mutex.lock();
                EXPECT_EQ(ended, 0U);
                ++generation;
                cond.broadcast();
            }
            co_await wg.wait();
            EXPECT_EQ(ended, kWaiters);
        },
        20);
}

// A bounded queue of the textbook: no wake-up is lost, nothing is taken twice. Go's TestCondRace and SignalStealing.
TEST_P(CondTest, ProducersAndConsumersLoseNothing) {
    run([this]() -> Task<void> {
        Mutex mutex;
        Cond not_empty(mutex);
        Cond not_full(mutex);
        std::vector<int> queue;
        long taken = 0;
        const int each = rounds(500) * 4;
        WaitGroup wg;
        for (int i = 0; i < 3; ++i) {
            wg.go([&]() -> Task<void> {
                for (int k = 0; k < each; ++k) {
                    auto guard = co_await mutex.lock();
                    while (queue.size() == 2) {
                        co_await not_full.wait(guard);
                    }
                    queue.push_back(1);
                    not_empty.signal();
                }
            });
            wg.go([&]() -> Task<void> {
                for (int k = 0; k < each; ++k) {
                    auto guard = co_await mutex.lock();
                    while (queue.empty()) {
                        co_await not_empty.wait(guard);
                    }
                    taken += queue.back();
                    queue.pop_back();
                    guard.unlock();
                    not_full.signal();
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(taken, 3L * each);
        EXPECT_TRUE(queue.empty());
    });
}

TEST(Cond, WaitNeedsTheGuardOfItsMutex) {
    Mutex mutex;
    Mutex other;
    Cond cond(mutex);
    ASSERT_TRUE(other.try_lock());
    Mutex::Guard guard(other);
    EXPECT_THROW((void)cond.wait(guard), Panic);
    guard.unlock();
    EXPECT_THROW((void)cond.wait(guard), Panic);
}

TEST(Cond, TasksThatWaitAreDestroyedWithoutTheMutex) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            Mutex mutex;
            Cond cond(mutex);
            const auto wait = [](Mutex* lock, Cond* condition) -> Task<void> {
                auto guard = co_await lock->lock();
                co_await condition->wait(guard);
            };
            for (int i = 0; i < 10; ++i) {
                go(wait, &mutex, &cond);
            }
            co_await until_parked("sync.Cond.Wait", 10);
            // Three of them wait for the mutex when main ends and takes both with it.
            EXPECT_TRUE(mutex.try_lock());
            for (int i = 0; i < 3; ++i) {
                cond.signal();
            }
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 10U);
    }
}

// A waiter that was signalled and has the mutex, but has not run since, is destroyed after both.
TEST(Cond, MayBeGoneBeforeWhoWasSignalled) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            auto mutex = std::make_unique<Mutex>();
            auto cond = std::make_unique<Cond>(*mutex);
            const auto wait = [](Mutex* lock, Cond* condition) -> Task<void> {
                auto guard = co_await lock->lock();
                co_await condition->wait(guard);
            };
            for (std::size_t i = 1; i <= 3; ++i) {
                go(wait, mutex.get(), cond.get());
                co_await until_parked("sync.Cond.Wait", i);
            }
            // One is handed the mutex, two queue for it.
            cond->broadcast();
            cond.reset();
            mutex.reset();
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 3U);
    }
}

// Whoever was woken may destroy both, even while the signal that woke it has not returned.
TEST_P(CondTest, MayBeDestroyedByWhoWasSignalledWithoutTheMutex) {
    run([this]() -> Task<void> {
        for (int k = 0; k < rounds(2000); ++k) {
            WaitGroup wg;
            auto mutex = std::make_unique<Mutex>();
            auto cond = std::make_unique<Cond>(*mutex);
            Cond* signalled = cond.get();
            bool waits = false;
            auto guard = co_await mutex->lock();
            wg.go([&, all = k % 2 == 0]() -> Task<void> {
                // Once this has the mutex, the other one waits.
                auto mine = co_await mutex->lock();
                EXPECT_TRUE(waits);
                mine.unlock();
                all ? signalled->broadcast() : signalled->signal();
            });
            waits = true;
            co_await cond->wait(guard);
            guard.unlock();
            cond.reset();
            mutex.reset();
            co_await wg.wait();
        }
    });
}

TEST_P(CondTest, BroadcastWakesInOrderOfArrival) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            Cond cond(mutex);
            std::vector<int> order;
            WaitGroup wg;
            for (int i = 0; i < 5; ++i) {
                wg.go([&, i]() -> Task<void> {
                    auto guard = co_await mutex.lock();
                    co_await cond.wait(guard);
                    order.push_back(i);
                });
                co_await until_parked("sync.Cond.Wait", static_cast<std::size_t>(i) + 1);
            }
            cond.broadcast();  // the mutex is free: the first has it at once
            co_await wg.wait();
            EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
        },
        100);
}

TEST_P(CondTest, WhoWasSignalledIsShownToWaitForTheMutex) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            Cond cond(mutex);
            WaitGroup wg;
            for (std::size_t i = 1; i <= 2; ++i) {
                wg.go([&]() -> Task<void> {
                    auto guard = co_await mutex.lock();
                    co_await cond.wait(guard);
                });
                co_await until_parked("sync.Cond.Wait", i);
            }
            {
                const auto guard = co_await mutex.lock();
                cond.signal();
                EXPECT_EQ(tasks_in("sync.Cond.Wait"), 1U);
                EXPECT_EQ(tasks_in("sync.Mutex.Lock"), 1U);
            }
            cond.signal();
            co_await wg.wait();
        },
        20);
}

TEST_P(CondTest, TheGuardMustHoldTheMutexWhenTheWaitBegins) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            Cond cond(mutex);
            auto guard = co_await mutex.lock();
            auto wait = cond.wait(guard);
            guard.unlock();
            bool thrown = false;
            try {
                co_await wait;
            } catch (const Panic&) {
                thrown = true;
            }
            EXPECT_TRUE(thrown);
            EXPECT_TRUE(mutex.try_lock());
            mutex.unlock();
        },
        5);
}

TEST_P(CondTest, AGuardThatGotAnotherLockDuringTheWaitPanics) {
    run(
        []() -> Task<void> {
            Mutex mutex;
            Mutex other;
            Cond cond(mutex);
            Mutex::Guard guard(mutex);
            EXPECT_TRUE(mutex.try_lock());
            WaitGroup wg;
            bool thrown = false;
            wg.go([&]() -> Task<void> {
                try {
                    co_await cond.wait(guard);
                } catch (const Panic&) {
                    thrown = true;
                }
            });
            co_await until_parked("sync.Cond.Wait");
            guard = co_await other.lock();
            cond.signal();
            co_await wg.wait();
            EXPECT_TRUE(thrown);
            EXPECT_TRUE(mutex.try_lock()) << "the wait left its mutex locked";
            mutex.unlock();
            EXPECT_TRUE(guard.holds(other));
        },
        5);
}

}  // namespace
}  // namespace mynah::conc
