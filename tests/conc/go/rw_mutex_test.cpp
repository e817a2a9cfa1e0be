// RWMutex: Go's sync/rwmutex_test.go and what sync.RWMutex promises.
#include <concepts>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;

class RWMutexTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(RWMutexTest);

Task<void> parallel_readers(int readers) {
    RWMutex mutex;
    const Channel<bool> locked(0);
    const Channel<bool> unlock(0);
    const Channel<bool> done(0);
    for (int i = 0; i < readers; ++i) {
        go([&mutex, locked, unlock, done]() -> Task<void> {
            {
                const auto guard = co_await mutex.lock_shared();
                co_await locked.send(true);
                co_await unlock.recv();
            }
            co_await done.send(true);
        });
    }
    for (int i = 0; i < readers; ++i) {
        co_await locked.recv();
    }
    EXPECT_FALSE(mutex.try_lock());
    for (int i = 0; i < readers; ++i) {
        co_await unlock.send(true);
    }
    for (int i = 0; i < readers; ++i) {
        co_await done.recv();
    }
    EXPECT_TRUE(mutex.try_lock());
}

// Go: sync/rwmutex_test.go TestParallelReaders.
TEST_P(RWMutexTest, ParallelReaders) {
    run([]() -> Task<void> {
        for (const int readers : {1, 3, 4, 20}) {
            co_await parallel_readers(readers);
        }
    });
}

constexpr int kWriter = 10'000;  // what a writer counts for; a reader counts for 1

Task<void> read_often(RWMutex* mutex, int times, Atomic<int>* inside) {
    for (int i = 0; i < times; ++i) {
        const auto guard = co_await mutex->lock_shared();
        const int others = inside->fetch_add(1);
        EXPECT_TRUE(others >= 0 && others < kWriter) << "a writer is inside";
        if (i % 8 == 0) {
            co_await yield();
        }
        inside->fetch_sub(1);
    }
}

Task<void> write_often(RWMutex* mutex, int times, Atomic<int>* inside) {
    for (int i = 0; i < times; ++i) {
        const auto guard = co_await mutex->lock();
        EXPECT_EQ(inside->fetch_add(kWriter), 0) << "a writer is not alone";
        if (i % 8 == 0) {
            co_await yield();
        }
        inside->fetch_sub(kWriter);
    }
}

// Go: sync/rwmutex_test.go TestRWMutex, HammerRWMutex.
TEST_P(RWMutexTest, RWMutex) {
    run([]() -> Task<void> {
        for (const int readers : {1, 3, 10}) {
            mynah::conc::RWMutex mutex;
            Atomic<int> inside{0};
            const int times = scaled(500);
            WaitGroup wg;
            wg.go(write_often, &mutex, times, &inside);
            for (int i = 0; i < readers; ++i) {
                wg.go(read_often, &mutex, times, &inside);
                if (i == readers / 2) {
                    wg.go(write_often, &mutex, times, &inside);
                }
            }
            co_await wg.wait();
            EXPECT_EQ(inside.load(), 0);
        }
    });
}

// Go: sync/rwmutex_test.go TestRWMutex, the tries.
TEST_P(RWMutexTest, RWMutexTries) {
    run([]() -> Task<void> {
        mynah::conc::RWMutex mutex;
        {
            const auto alone = co_await mutex.lock();
            EXPECT_FALSE(mutex.try_lock());
            EXPECT_FALSE(mutex.try_lock_shared());
        }
        EXPECT_TRUE(mutex.try_lock());
        {
            const auto first = mutex.try_lock_shared();
            const auto second = mutex.try_lock_shared();
            EXPECT_TRUE(first);
            EXPECT_TRUE(second);
            EXPECT_FALSE(mutex.try_lock());
        }
        EXPECT_TRUE(mutex.try_lock());
    });
}

// Go: sync/rwmutex_test.go TestRLocker. Two read locks keep a writer out until both are gone, and it keeps readers out.
TEST_P(RWMutexTest, RLocker) {
    run([]() -> Task<void> {
        mynah::conc::RWMutex mutex;
        for (int round = 0; round < 10; ++round) {
            auto first = co_await mutex.lock_shared();
            auto second = co_await mutex.lock_shared();
            const Channel<bool> locked(1);
            const Channel<Unit> unlock(0);
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                const auto guard = co_await mutex.lock();
                co_await locked.send(true);
                co_await unlock.recv();
            });
            co_await until_parked("sync.RWMutex.Lock");
            first.unlock();
            co_await yield();
            EXPECT_FALSE(locked.try_recv()) << "it was still locked for reading";
            second.unlock();
            co_await locked.recv();
            EXPECT_FALSE(mutex.try_lock_shared()) << "it was locked for writing";
            co_await unlock.send(Unit());
            co_await wg.wait();
        }
    });
}

// Go: sync.RWMutex: a writer that waits keeps new readers out, those inside finish first, and then it is the writer's.
TEST_P(RWMutexTest, AWaitingWriterBlocksNewReaders) {
    run([]() -> Task<void> {
        mynah::conc::RWMutex mutex;
        std::string order;
        auto inside = co_await mutex.lock_shared();
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            const auto guard = co_await mutex.lock();
            order += 'w';
        });
        co_await until_parked("sync.RWMutex.Lock");
        wg.go([&]() -> Task<void> {
            const auto guard = co_await mutex.lock_shared();
            order += 'n';
        });
        co_await until_parked("sync.RWMutex.RLock");
        EXPECT_FALSE(mutex.try_lock_shared());
        EXPECT_EQ(order, "");
        order += 'i';
        inside.unlock();
        co_await wg.wait();
        EXPECT_EQ(order, "iwn");
    });
}
static_assert(!std::copyable<RWMutex> && !std::movable<RWMutex>);

}  // namespace
}  // namespace mynah::conc
