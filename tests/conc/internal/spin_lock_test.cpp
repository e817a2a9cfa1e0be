#include "conc/internal/spin_lock.hpp"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/internal/annotations.hpp"

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

// Clang's analysis wants a branch on try_lock(), which a test has not.
void try_lock_twice() MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    SpinLock lock;
    for (int turn = 0; turn < 2; ++turn) {
        const bool taken = lock.try_lock();
        EXPECT_TRUE(taken);
        EXPECT_FALSE(lock.try_lock());
        lock.unlock();
    }
}

TEST(SpinLock, TryLockNeverWaits) {
    try_lock_twice();
}

// unlock() touches nothing after its store: whoever takes the lock next may destroy it. Clang's analysis cannot follow
// a lock through a pointer that changes hands.
void take_and_destroy(std::unique_ptr<SpinLock> lock) MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    lock->lock();
    lock->unlock();
    lock.reset();
}

void hand_over() MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    auto lock = std::make_unique<SpinLock>();
    SpinLock* held = lock.get();
    held->lock();
    std::thread next(take_and_destroy, std::move(lock));
    held->unlock();
    next.join();
}

TEST(SpinLock, MayBeDestroyedByWhoTakesItNext) {
    for (int round = 0; round < 2000; ++round) {
        hand_over();
    }
}

}  // namespace
}  // namespace mynah::conc::internal
