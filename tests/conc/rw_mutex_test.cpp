#include "conc/rw_mutex.hpp"

#include <cstddef>
#include <memory>
#include <optional>
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

// Tasks that were let in, but have not run since, are destroyed after the mutex.
TEST(RWMutex, MayBeGoneBeforeWhoWasLetIn) {
    for (const bool readers_first : {false, true}) {
        Scheduler scheduler({.workers = 1});
        scheduler.run([](bool with_readers) -> Task<void> {
            auto mutex = std::make_unique<RWMutex>();
            auto guard = mutex->try_lock();
            if (with_readers) {
                for (std::size_t i = 1; i <= 3; ++i) {
                    go([shared = mutex.get()]() -> Task<void> { const auto mine = co_await shared->lock_shared(); });
                    co_await until_parked("sync.RWMutex.RLock", i);
                }
            }
            for (std::size_t i = 1; i <= 2; ++i) {
                go([shared = mutex.get()]() -> Task<void> { const auto mine = co_await shared->lock(); });
                co_await until_parked("sync.RWMutex.Lock", i);
            }
            guard.unlock();
            mutex.reset();
        }(readers_first));
        EXPECT_EQ(scheduler.abandoned().size(), readers_first ? 5U : 2U);
    }
}

// The last reader lets the writer in; both it and the writer that comes next are destroyed after the mutex.
TEST(RWMutex, MayBeGoneBeforeAWriterThatAReaderLetIn) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            auto mutex = std::make_unique<RWMutex>();
            auto guard = mutex->try_lock_shared();
            for (std::size_t i = 1; i <= 2; ++i) {
                go([shared = mutex.get()]() -> Task<void> { const auto mine = co_await shared->lock(); });
                co_await until_parked("sync.RWMutex.Lock", i);
            }
            guard.unlock();
            mutex.reset();
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 2U);
    }
}

// A writer that came in because the last reader left may destroy the mutex: the reader touches it no more. So may a
// reader that came in after a writer.
TEST_P(RWMutexTest, MayBeDestroyedRightAfterTheLastUnlock) {
    run([this]() -> Task<void> {
        for (int k = 0; k < rounds(2000); ++k) {
            WaitGroup wg;
            auto* mutex = std::make_unique<RWMutex>().release();
            internal::Atomic<int> left{4};
            for (int i = 0; i < 4; ++i) {
                wg.go([mutex, &left, writes = (i + k) % 2 == 0]() -> Task<void> {
                    RWMutex::Guard writing;
                    RWMutex::SharedGuard reading;
                    if (writes) {
                        writing = co_await mutex->lock();
                    } else {
                        reading = co_await mutex->lock_shared();
                    }
                    // Whoever comes last while it is alone knows that the others will not come back.
                    const bool last = left.fetch_sub(1) == 1 && writes;
                    writing.unlock();
                    reading.unlock();
                    if (last) {
                        const std::unique_ptr<RWMutex> owned(mutex);
                        left.store(-1);
                    }
                });
            }
            co_await wg.wait();
            if (left.load() == 0) {
                const std::unique_ptr<RWMutex> owned(mutex);
            }
        }
    });
}

// Go's HammerRWMutex with the tries beside the waits.
TEST_P(RWMutexTest, TriesAndWaitsExcludeEachOther) {
    run([this]() -> Task<void> {
        RWMutex mutex;
        internal::Atomic<int> activity{0};  // readers count 1, a writer 10,000
        int written = 0;
        WaitGroup wg;
        const auto write = [&] {
            EXPECT_EQ(activity.fetch_add(10'000), 0);
            ++written;
            activity.fetch_sub(10'000);
        };
        const auto read = [&] {
            EXPECT_LT(activity.fetch_add(1), 10'000);
            EXPECT_GE(written, 0);
            activity.fetch_sub(1);
        };
        for (int i = 0; i < 8; ++i) {
            wg.go([&, i]() -> Task<void> {
                for (int k = 0; k < rounds(1000) * 6; ++k) {
                    RWMutex::Guard writing;
                    RWMutex::SharedGuard reading;
                    switch ((i + k) % 6) {
                        case 0:
                            writing = co_await mutex.lock();
                            break;
                        case 1:
                            reading = co_await mutex.lock_shared();
                            break;
                        case 2:
                            writing = mutex.try_lock();
                            break;
                        default:
                            reading = mutex.try_lock_shared();
                            break;
                    }
                    if (writing) {
                        write();
                    } else if (reading) {
                        read();
                    }
                    if (k % 5 == 0) {
                        co_await yield();
                    }
                }
            });
        }
        co_await wg.wait();
        EXPECT_TRUE(mutex.try_lock());
        EXPECT_TRUE(mutex.try_lock_shared());
    });
}

// While one reads, no try_lock can succeed; so no try_lock_shared may fail, however many of both there are.
TEST_P(RWMutexTest, TryLockSharedDoesNotFailBesideATryLockThatFails) {
    run([this]() -> Task<void> {
        RWMutex mutex;
        const auto reading = co_await mutex.lock_shared();
        WaitGroup wg;
        for (int i = 0; i < 4; ++i) {
            wg.go([&, i]() -> Task<void> {
                for (int k = 0; k < rounds(20'000); ++k) {
                    if (i % 2 == 0) {
                        EXPECT_FALSE(mutex.try_lock());
                    } else {
                        EXPECT_TRUE(mutex.try_lock_shared());
                    }
                }
                co_return;
            });
        }
        co_await wg.wait();
    });
}

// Readers that only look in do not keep a writer out.
TEST_P(RWMutexTest, AWriterComesInBesideTasksThatTryToRead) {
    run(
        [this]() -> Task<void> {
            RWMutex mutex;
            internal::Atomic<bool> stop{false};
            WaitGroup wg;
            for (int i = 0; i < 4; ++i) {
                wg.go([&]() -> Task<void> {
                    while (!stop.load()) {
                        for (int k = 0; k < 100; ++k) {
                            const auto guard = mutex.try_lock_shared();
                        }
                        co_await yield();
                    }
                });
            }
            for (int i = 0; i < rounds(100); ++i) {
                const auto guard = co_await mutex.lock();
                co_await yield();
            }
            stop.store(true);
            co_await wg.wait();
        },
        50);
}

TEST(RWMutexDeathTest, UnlockOfAnUnlockedMutexIsFatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto misuse = [] {
        std::optional<RWMutex> mutex(std::in_place);
        auto guard = mutex->try_lock();
        mutex.emplace();  // the guard's mutex is gone, another one stands in its place
        guard.unlock();
    };
    EXPECT_DEATH(misuse(), "fatal error: unlock of an unlocked RWMutex");
}

}  // namespace
}  // namespace mynah::conc
