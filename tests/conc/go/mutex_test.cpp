// Mutex: Go's sync/mutex_test.go.
#include <chrono>
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
using std::chrono::microseconds;

class MutexTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(MutexTest);

// Go: sync/mutex_test.go TestMutex, the tries.
TEST_P(MutexTest, MutexTryLock) {
    run([]() -> Task<void> {
        Mutex mutex;
        {
            const auto guard = co_await mutex.lock();
            EXPECT_FALSE(mutex.try_lock());
        }
        EXPECT_TRUE(mutex.try_lock());
        EXPECT_FALSE(mutex.try_lock());
        mutex.unlock();
    });
}

// Go: sync/mutex_test.go TestMutex, HammerMutex. Every third turn only tries.
TEST_P(MutexTest, Mutex) {
    run([]() -> Task<void> {
        mynah::conc::Mutex mutex;
        const int each = scaled(1000);
        int counter = 0;
        Atomic<int> locked{0};
        WaitGroup wg;
        for (int i = 0; i < 10; ++i) {
            wg.go([&]() -> Task<void> {
                for (int k = 0; k < each; ++k) {
                    if (k % 3 != 0) {
                        const auto guard = co_await mutex.lock();
                        ++counter;
                        locked.fetch_add(1);
                    } else if (mutex.try_lock()) {
                        const mynah::conc::Mutex::Guard guard(mutex);
                        ++counter;
                        locked.fetch_add(1);
                    }
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(counter, locked.load());
        EXPECT_GE(counter, 10 * (each - each / 3 - 1));
        EXPECT_TRUE(mutex.try_lock());
        mutex.unlock();
    });
}
static_assert(!std::copyable<Mutex> && !std::movable<Mutex>);

// Go: sync/mutex_test.go TestMutexFairness. The greedy task comes back at once; in virtual time nothing else passes.
TEST_P(MutexTest, MutexFairness) {
    run_in_virtual_time([]() -> Task<void> {
        mynah::conc::Mutex mutex;
        Atomic<bool> stop{false};
        go([&]() -> Task<void> {
            while (!stop.load()) {
                const auto guard = co_await mutex.lock();
                co_await sleep_for(microseconds(100));
            }
        });
        const TimePoint start = now();
        for (int i = 0; i < 10; ++i) {
            co_await sleep_for(microseconds(100));
            const auto guard = co_await mutex.lock();
        }
        EXPECT_LE(now() - start, microseconds(10 * 2 * 100)) << "kept out for longer than one holder's turn";
        stop.store(true);
        co_await until([] { return task_count() == 1; });
    });
}

// Go: sync.Mutex, starvation mode: unlock() hands the lock to the first who waits, and not to who comes by.
TEST_P(MutexTest, UnlockHandsItOver) {
    run([]() -> Task<void> {
        mynah::conc::Mutex mutex;
        auto guard = co_await mutex.lock();
        bool had_it = false;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            const auto mine = co_await mutex.lock();
            had_it = true;
        });
        co_await until_parked("sync.Mutex.Lock");
        guard.unlock();
        const auto again = co_await mutex.lock();
        EXPECT_TRUE(had_it);
        co_await wg.wait();
    });
}

class MutexDeathTest : public GoTest {
  protected:
    MutexDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

    template <class Misuse>
    void expect_fatal(Misuse misuse) {
        const auto end_of_it = [&] { Scheduler({.workers = workers()}).run(misuse()); };
        EXPECT_DEATH(end_of_it(), "fatal error: unlock of an unlocked Mutex");
    }
};
MYNAH_ON_1_2_AND_8_WORKERS(MutexDeathTest);

// Go: sync/mutex_test.go TestMutexMisuse, Mutex.Unlock. No handler of panics saves it.
TEST_P(MutexDeathTest, MutexMisuseUnlock) {
    expect_fatal([]() -> Task<void> {
        mynah::conc::Mutex mutex;
        try {
            mutex.unlock();
        } catch (...) {
            co_return;
        }
    });
}

// Go: sync/mutex_test.go TestMutexMisuse, Mutex.Unlock2.
TEST_P(MutexDeathTest, MutexMisuseUnlock2) {
    expect_fatal([]() -> Task<void> {
        mynah::conc::Mutex mutex;
        {
            const auto guard = co_await mutex.lock();
        }
        mutex.unlock();
    });
}

// Go: sync/mutex_test.go TestMutexMisuse, RWMutex.Unlock and RUnlock: unlocking is the guards', who do it once.
template <class Any>
concept Unlocks = requires(Any mutex) { mutex.unlock(); };
template <class Any>
concept UnlocksShared = requires(Any mutex) { mutex.unlock_shared(); };
static_assert(!Unlocks<RWMutex&> && !UnlocksShared<RWMutex&>);
static_assert(!std::copyable<RWMutex::Guard> && !std::copyable<RWMutex::SharedGuard>);

}  // namespace
}  // namespace mynah::conc
