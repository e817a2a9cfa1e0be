#include "conc/internal/spin_lock.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {
namespace {

TEST(SpinLock, OneThreadAtATimeHoldsIt) {
    SpinLock lock;
    constexpr int kThreads = 4;
    constexpr int kTurns = 20'000;
    int counter = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            for (int turn = 0; turn < kTurns; ++turn) {
                const SpinGuard guard(lock);
                ++counter;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counter, kThreads * kTurns);
}

TEST(SpinLock, TryLockNeverWaits) {
    SpinLock lock;
    ASSERT_TRUE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock());
    lock.unlock();
    ASSERT_TRUE(lock.try_lock());
    lock.unlock();
}

// unlock() touches nothing after its store: whoever takes the lock next may destroy it.
TEST(SpinLock, MayBeDestroyedByWhoTakesItNext) {
    for (int round = 0; round < 2000; ++round) {
        auto lock = std::make_unique<SpinLock>();
        lock->lock();
        std::thread next([&lock] {
            lock->lock();
            lock->unlock();
            lock.reset();
        });
        SpinLock* held = lock.get();
        held->unlock();
        next.join();
    }
}

}  // namespace
}  // namespace mynah::conc::internal
