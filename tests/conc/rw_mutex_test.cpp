#include "conc/rw_mutex.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class RWMutexTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(RWMutexTest);

// Go's TestRWMutex (HammerRWMutex): a writer is alone, and readers see no half-written value.
TEST_P(RWMutexTest, AWriterIsAlone) {
    run([this]() -> Task<void> {
        RWMutex mutex;
        internal::Atomic<int> activity{0};  // readers count 1, a writer 10,000
        int first = 0;
        int second = 0;
        WaitGroup wg;
        for (int i = 0; i < 8; ++i) {
            wg.go([&, i]() -> Task<void> {
                for (int k = 0; k < rounds(1000) * 4; ++k) {
                    if ((i + k) % 5 == 0) {
                        const auto guard = co_await mutex.lock();
                        EXPECT_EQ(activity.fetch_add(10'000), 0);
                        ++first;
                        if (k % 3 == 0) {
                            co_await yield();
                        }
                        ++second;
                        activity.fetch_sub(10'000);
                    } else {
                        const auto guard = co_await mutex.lock_shared();
                        EXPECT_LT(activity.fetch_add(1), 10'000);
                        EXPECT_EQ(first, second);
                        if (k % 3 == 0) {
                            co_await yield();
                        }
                        activity.fetch_sub(1);
                    }
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(first, second);
        EXPECT_TRUE(mutex.try_lock());
    });
}

// Go's TestParallelReaders.
TEST_P(RWMutexTest, ReadersShareIt) {
    run([]() -> Task<void> {
        constexpr std::size_t kReaders = 10;
        RWMutex mutex;
        const Channel<int> release(0);
        internal::Atomic<std::size_t> in{0};
        WaitGroup wg;
        for (std::size_t i = 0; i < kReaders; ++i) {
            wg.go([&]() -> Task<void> {
                const auto guard = co_await mutex.lock_shared();
                in.fetch_add(1);
                co_await release.recv();
            });
        }
        const auto all_in = [&] { return in.load() == kReaders; };
        co_await until(all_in);
        EXPECT_FALSE(mutex.try_lock());
        EXPECT_TRUE(mutex.try_lock_shared());
        release.close();
        co_await wg.wait();
        EXPECT_TRUE(mutex.try_lock());
    });
}

TEST_P(RWMutexTest, AWriterThatWaitsKeepsNewReadersOutAndThoseWithinFinish) {
    run(
        []() -> Task<void> {
            RWMutex mutex;
            std::vector<char> order;
            auto reading = co_await mutex.lock_shared();
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                const auto guard = co_await mutex.lock();
                order.push_back('w');
            });
            co_await until_parked("sync.RWMutex.Lock");
            EXPECT_FALSE(mutex.try_lock_shared());
            wg.go([&]() -> Task<void> {
                const auto guard = co_await mutex.lock_shared();
                order.push_back('r');
            });
            co_await until_parked("sync.RWMutex.RLock");
            order.push_back('1');
            reading.unlock();
            co_await wg.wait();
            EXPECT_EQ(order, (std::vector{'1', 'w', 'r'}));
        },
        100);
}

// Neither side starves: the readers that came while one wrote go in before the next writer does.
TEST_P(RWMutexTest, ReadersAndWritersTakeTurns) {
    run(
        []() -> Task<void> {
            RWMutex mutex;
            std::vector<char> order;
            Mutex order_mutex;
            auto writing = co_await mutex.lock();
            WaitGroup wg;
            for (std::size_t i = 1; i <= 2; ++i) {
                wg.go([&]() -> Task<void> {
                    const auto guard = co_await mutex.lock();
                    order.push_back('w');
                });
                co_await until_parked("sync.RWMutex.Lock", i);
                wg.go([&]() -> Task<void> {
                    const auto guard = co_await mutex.lock_shared();
                    const auto mine = co_await order_mutex.lock();
                    order.push_back('r');
                });
                co_await until_parked("sync.RWMutex.RLock", i);
            }
            writing.unlock();
            co_await wg.wait();
            EXPECT_EQ(order, (std::vector{'r', 'r', 'w', 'w'}));
        },
        100);
}

TEST_P(RWMutexTest, AGuardMayMoveToAnotherTask) {
    run([]() -> Task<void> {
        RWMutex mutex;
        WaitGroup wg;
        auto shared = co_await mutex.lock_shared();
        wg.go(
            [](RWMutex::SharedGuard guard) -> Task<void> {
                co_await yield();
                guard.unlock();
                EXPECT_FALSE(guard);
            },
            std::move(shared));
        auto alone = co_await mutex.lock();
        wg.go(
            [](RWMutex::Guard guard) -> Task<void> {
                co_await yield();
                EXPECT_TRUE(guard);
            },
            std::move(alone));
        const auto last = co_await mutex.lock_shared();
        co_await wg.wait();
    });
}

// Go's TestTryLock of RWMutex.
TEST(RWMutex, TryNeverWaits) {
    RWMutex mutex;
    {
        const auto first = mutex.try_lock_shared();
        const auto second = mutex.try_lock_shared();
        EXPECT_TRUE(first);
        EXPECT_TRUE(second);
        EXPECT_FALSE(mutex.try_lock());
    }
    {
        const auto alone = mutex.try_lock();
        EXPECT_TRUE(alone);
        EXPECT_FALSE(mutex.try_lock());
        EXPECT_FALSE(mutex.try_lock_shared());
    }
    EXPECT_TRUE(mutex.try_lock());
}

// The destructors of tasks that hold it hand it on to tasks that are about to be destroyed as well.
TEST(RWMutex, AbandonedTasksLeaveItFree) {
    for (const std::size_t workers : {1U, 4U}) {
        for (const bool read : {false, true}) {
            const auto mutex = std::make_shared<RWMutex>();
            Scheduler scheduler({.workers = workers});
            scheduler.run([](std::shared_ptr<RWMutex> shared, bool reads) -> Task<void> {
                const auto hold = [](std::shared_ptr<RWMutex> held, bool shares) -> Task<void> {
                    RWMutex::Guard writing;
                    RWMutex::SharedGuard reading;
                    if (shares) {
                        reading = co_await held->lock_shared();
                    } else {
                        writing = co_await held->lock();
                    }
                    co_await Channel<int>().recv();
                };
                go(hold, shared, reads);
                co_await until_parked("chan receive (nil chan)", 1);
                for (std::size_t i = 1; i <= 5; ++i) {
                    go(hold, shared, false);
                    co_await until_parked("sync.RWMutex.Lock", i);
                    go(hold, shared, true);
                    co_await until_parked("sync.RWMutex.RLock", i);
                }
            }(mutex, read));
            EXPECT_EQ(scheduler.abandoned().size(), 11U);
            EXPECT_TRUE(mutex->try_lock());
            EXPECT_EQ(mutex.use_count(), 1);
        }
    }
}

}  // namespace
}  // namespace mynah::conc
