// Semaphore: golang.org/x/sync/semaphore, and TestSemaphore of Go's sync/mutex_test.go.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;

class SemaphoreTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(SemaphoreTest);

// Go: sync/mutex_test.go TestSemaphore. With one permit it is a lock.
TEST_P(SemaphoreTest, Semaphore) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(1);
        const int each = scaled(1000);
        int counter = 0;
        WaitGroup wg;
        for (int i = 0; i < 10; ++i) {
            wg.go([&]() -> Task<void> {
                for (int k = 0; k < each; ++k) {
                    co_await sem.acquire();
                    ++counter;
                    sem.release();
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(counter, 10 * each);
    });
}

// Go: x/sync/semaphore TestWeighted.
TEST_P(SemaphoreTest, Weighted) {
    run([]() -> Task<void> {
        constexpr std::int64_t kPermits = 7;
        mynah::conc::Semaphore sem(kPermits);
        Atomic<std::int64_t> taken{0};
        WaitGroup wg;
        for (std::int64_t i = 0; i < 16; ++i) {
            wg.go([&, count = 1 + i % kPermits]() -> Task<void> {
                for (int k = 0; k < scaled(200); ++k) {
                    co_await sem.acquire(count);
                    EXPECT_LE(taken.fetch_add(count) + count, kPermits);
                    co_await yield();
                    taken.fetch_sub(count);
                    sem.release(count);
                }
            });
        }
        co_await wg.wait();
        EXPECT_TRUE(sem.try_acquire(kPermits)) << "a permit was lost";
    });
}

// Go: x/sync/semaphore TestWeightedPanic.
TEST_P(SemaphoreTest, WeightedPanic) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(1);
        EXPECT_THROW(sem.release(1), Panic);
        co_await sem.acquire();
        EXPECT_THROW(sem.release(2), Panic);
        sem.release();
    });
}

// Go: x/sync/semaphore TestWeightedTryAcquire.
TEST_P(SemaphoreTest, WeightedTryAcquire) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(2);
        EXPECT_TRUE(sem.try_acquire());
        EXPECT_TRUE(sem.try_acquire());
        EXPECT_FALSE(sem.try_acquire());
        sem.release(2);
        EXPECT_TRUE(sem.try_acquire());
        co_await sem.acquire();
        EXPECT_FALSE(sem.try_acquire());
    });
}

// Go: x/sync/semaphore TestWeightedAcquire, and an acquire that its context ends.
TEST_P(SemaphoreTest, WeightedAcquire) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(2);
        co_await sem.acquire(2);
        const auto [ctx, cancel] = with_timeout(Context::background(), std::chrono::milliseconds(1));
        const auto ended = co_await select(sem.acquire_case(), ctx.done());
        EXPECT_EQ(ended.index(), 1U);
        sem.release(2);
        const auto free = co_await select(sem.acquire_case(2), Context::background().done());
        EXPECT_EQ(free.index(), 0U);
        EXPECT_FALSE(sem.try_acquire());
    });
}

// Go: x/sync/semaphore TestWeightedDoesntBlockIfTooBig. Here such an acquire panics, and others go on.
TEST_P(SemaphoreTest, WeightedDoesntBlockIfTooBig) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(2);
        EXPECT_THROW((void)sem.acquire(3), Panic);
        WaitGroup wg;
        for (int i = 0; i < 20; ++i) {
            wg.go([&sem]() -> Task<void> {
                co_await sem.acquire();
                co_await yield();
                sem.release();
            });
        }
        co_await wg.wait();
    });
}

// Go: x/sync/semaphore TestLargeAcquireDoesntStarve.
TEST_P(SemaphoreTest, LargeAcquireDoesntStarve) {
    run([]() -> Task<void> {
        constexpr std::int64_t kPermits = 8;
        mynah::conc::Semaphore sem(kPermits);
        Atomic<bool> running{true};
        WaitGroup wg;
        for (std::int64_t i = 0; i < kPermits; ++i) {
            co_await sem.acquire();
            wg.go([&]() -> Task<void> {
                while (running.load()) {
                    co_await yield();
                    sem.release();
                    co_await sem.acquire();
                }
                sem.release();
            });
        }
        co_await sem.acquire(kPermits);
        running.store(false);
        sem.release(kPermits);
        co_await wg.wait();
    });
}

// Go: x/sync/semaphore TestAllocCancelDoesntStarve. Who gives up lets those behind it go on, at once.
TEST_P(SemaphoreTest, AllocCancelDoesntStarve) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(10);
        co_await sem.acquire(1);
        const auto [ctx, cancel] = with_cancel(Context::background());
        WaitGroup large;
        large.go([&sem, mine = ctx]() -> Task<void> {
            const auto s = co_await select(sem.acquire_case(10), mine.done());
            EXPECT_EQ(s.index(), 1U);
        });
        co_await until_parked("select");
        WaitGroup small;
        small.go([&sem]() -> Task<void> { co_await sem.acquire(5); });
        co_await until_parked("semacquire");
        EXPECT_FALSE(sem.try_acquire(1)) << "overtook one who waits";
        cancel();
        co_await small.wait();
        co_await large.wait();
        EXPECT_TRUE(sem.try_acquire(4));
        EXPECT_FALSE(sem.try_acquire(1));
    });
}

// Go: x/sync/semaphore: first in, first out.
TEST_P(SemaphoreTest, ServesInOrderOfArrival) {
    run([]() -> Task<void> {
        mynah::conc::Semaphore sem(1);
        co_await sem.acquire();
        std::string order;
        WaitGroup wg;
        for (std::size_t i = 0; i < 6; ++i) {
            wg.go([&, i]() -> Task<void> {
                co_await sem.acquire();
                order += std::to_string(i);
                sem.release();
            });
            co_await until_parked("semacquire", i + 1);
        }
        sem.release();
        co_await wg.wait();
        EXPECT_EQ(order, "012345");
    });
}

}  // namespace
}  // namespace mynah::conc
