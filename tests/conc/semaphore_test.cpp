#include "conc/semaphore.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;

class SemaphoreTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(SemaphoreTest);

TEST_P(SemaphoreTest, NeverLendsMoreThanItHas) {
    run([this]() -> Task<void> {
        constexpr std::int64_t kPermits = 5;
        Semaphore semaphore(kPermits);
        internal::Atomic<std::int64_t> lent{0};
        WaitGroup wg;
        for (std::int64_t i = 0; i < 8; ++i) {
            wg.go([&, count = 1 + i % kPermits]() -> Task<void> {
                for (int k = 0; k < rounds(500) * 3; ++k) {
                    co_await semaphore.acquire(count);
                    EXPECT_LE(lent.fetch_add(count) + count, kPermits);
                    if (k % 3 == 0) {
                        co_await yield();
                    }
                    lent.fetch_sub(count);
                    semaphore.release(count);
                }
            });
        }
        co_await wg.wait();
        EXPECT_TRUE(semaphore.try_acquire(kPermits));
    });
}

// x/sync's TestLargeAcquireDoesntStarve: small acquires that come later do not overtake a large one.
TEST_P(SemaphoreTest, ServesInOrderOfArrivalWhateverTheSize) {
    run(
        []() -> Task<void> {
            Semaphore semaphore(3);
            co_await semaphore.acquire(2);
            std::vector<int> order;
            Mutex mutex;
            WaitGroup wg;
            for (int i = 0; i < 4; ++i) {
                wg.go([&, i]() -> Task<void> {
                    co_await semaphore.acquire(i == 0 ? 3 : 1);
                    {
                        const auto guard = co_await mutex.lock();  // the small ones run side by side
                        order.push_back(i);
                    }
                    semaphore.release(i == 0 ? 3 : 1);
                });
                co_await until_parked("semacquire", static_cast<std::size_t>(i) + 1);
            }
            EXPECT_FALSE(semaphore.try_acquire()) << "overtook those who wait";
            semaphore.release(2);
            co_await wg.wait();
            EXPECT_EQ(order.front(), 0);
            EXPECT_EQ(order.size(), 4U);
        },
        100);
}

TEST_P(SemaphoreTest, AnAcquireThatIsGivenUpTakesNothingAndLetsOthersGoOn) {
    run(
        []() -> Task<void> {
            Semaphore semaphore(2);
            co_await semaphore.acquire();
            const auto [ctx, cancel] = with_cancel(Context::background());
            WaitGroup wg;
            std::optional<std::size_t> large;
            wg.go([&, done = ctx]() -> Task<void> {
                const auto s = co_await select(semaphore.acquire_case(2), done.done());
                large = s.index();
            });
            co_await until_parked("select");
            wg.go([&]() -> Task<void> { co_await semaphore.acquire(); });  // there is one, but behind the large one
            co_await until_parked("semacquire");
            cancel();
            co_await wg.wait();
            EXPECT_EQ(large, 1U);
            EXPECT_FALSE(semaphore.try_acquire());
            semaphore.release(2);
            EXPECT_TRUE(semaphore.try_acquire(2));
        },
        100);
}

// Whatever the race between the permits and the other case comes to, the permits add up.
TEST_P(SemaphoreTest, NoPermitIsLostToASelect) {
    run([this]() -> Task<void> {
        Semaphore semaphore(3);
        WaitGroup wg;
        for (int i = 0; i < 6; ++i) {
            wg.go([&, i]() -> Task<void> {
                for (int k = 0; k < rounds(300) * 2; ++k) {
                    const std::int64_t count = 1 + (i + k) % 3;
                    const auto s = co_await select(semaphore.acquire_case(count), after(microseconds(k % 5)));
                    if (s.index() == 0) {
                        co_await yield();
                        semaphore.release(count);
                    }
                }
            });
        }
        co_await wg.wait();
        EXPECT_TRUE(semaphore.try_acquire(3));
        EXPECT_FALSE(semaphore.try_acquire());
    });
}

TEST(Semaphore, MisusePanics) {
    EXPECT_THROW(Semaphore(-1), Panic);
    Semaphore semaphore(2);
    EXPECT_THROW(semaphore.release(), Panic);
    EXPECT_THROW((void)semaphore.try_acquire(-1), Panic);
    EXPECT_FALSE(semaphore.try_acquire(3)) << "more than there are is no misuse where it does not wait";
    EXPECT_THROW((void)semaphore.acquire(3), Panic);
    EXPECT_THROW((void)semaphore.acquire(-1), Panic);
    EXPECT_THROW((void)semaphore.acquire_case(3), Panic);
    EXPECT_TRUE(semaphore.try_acquire(2));
    EXPECT_TRUE(semaphore.try_acquire(0));
    EXPECT_THROW(semaphore.release(3), Panic);
    semaphore.release(2);
}

// Tasks that wait when main ends, and takes the semaphore with it.
TEST(Semaphore, MayBeGoneBeforeTheTasksThatWaitForIt) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            Semaphore semaphore(1);
            co_await semaphore.acquire();
            for (int i = 0; i < 10; ++i) {
                go([&semaphore]() -> Task<void> { co_await semaphore.acquire(); });
                go([&semaphore]() -> Task<void> {
                    const Channel<int> nil;
                    co_await select(semaphore.acquire_case(), nil.recv_case());
                });
            }
            co_await until_parked("semacquire", 10);
            co_await until_parked("select", 10);
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 20U);
    }
}

// Tasks that have their permits, but have not run since, are destroyed after the semaphore.
TEST(Semaphore, MayBeGoneBeforeWhoWasGrantedPermits) {
    for (const bool select_too : {false, true}) {
        Scheduler scheduler({.workers = 1});
        scheduler.run([](bool selects) -> Task<void> {
            auto semaphore = std::make_unique<Semaphore>(3);
            co_await semaphore->acquire(3);
            for (std::size_t i = 1; i <= 3; ++i) {
                go([shared = semaphore.get()]() -> Task<void> { co_await shared->acquire(2); });
                co_await until_parked("semacquire", i);
            }
            if (selects) {
                go([shared = semaphore.get()]() -> Task<void> {
                    co_await select(shared->acquire_case(1), after(std::chrono::hours(1)));
                });
                co_await until_parked("select");
            }
            semaphore->release(3);
            semaphore.reset();
        }(select_too));
        EXPECT_EQ(scheduler.abandoned().size(), select_too ? 4U : 3U);
    }
}

// Whoever was granted the last permit may destroy the semaphore: the release that granted it touches it no more.
TEST_P(SemaphoreTest, MayBeDestroyedRightAfterTheLastAcquire) {
    run([this]() -> Task<void> {
        for (int k = 0; k < rounds(2000); ++k) {
            WaitGroup wg;
            auto semaphore = std::make_unique<Semaphore>(1);
            co_await semaphore->acquire();
            wg.go([shared = semaphore.get()]() -> Task<void> {
                shared->release();
                co_return;
            });
            co_await semaphore->acquire();
            semaphore.reset();
            co_await wg.wait();
        }
    });
}

// The first case of the select cannot be served, the second can; a later task is not served before either.
TEST_P(SemaphoreTest, MayStandTwiceInASelect) {
    run(
        []() -> Task<void> {
            Semaphore semaphore(3);
            co_await semaphore.acquire(3);
            WaitGroup wg;
            internal::Atomic<std::size_t> chosen{no_case};
            wg.go([&]() -> Task<void> {
                const auto s = co_await select(semaphore.acquire_case(3), semaphore.acquire_case(2));
                chosen.store(s.index());
            });
            co_await until_parked("select");
            wg.go([&]() -> Task<void> { co_await semaphore.acquire(); });
            co_await until_parked("semacquire");
            semaphore.release(1);
            EXPECT_EQ(tasks_in("semacquire"), 1U) << "a small acquire overtook the select";
            semaphore.release(1);
            const auto served = [&] { return chosen.load() != no_case; };
            co_await until(served);
            EXPECT_EQ(chosen.load(), 1U);
            EXPECT_EQ(tasks_in("semacquire"), 1U);
            semaphore.release(1);
            co_await wg.wait();
            EXPECT_FALSE(semaphore.try_acquire());
            semaphore.release(3);
            EXPECT_TRUE(semaphore.try_acquire(3));
        },
        100);
}

TEST_P(SemaphoreTest, MayStandTwiceInASpanOfCases) {
    run(
        []() -> Task<void> {
            Semaphore semaphore(3);
            co_await semaphore.acquire(3);
            WaitGroup wg;
            for (int i = 0; i < 3; ++i) {
                wg.go([&]() -> Task<void> {
                    std::array cases{Case(semaphore.acquire_case(3)), Case(semaphore.acquire_case(2)),
                                     Case(semaphore.acquire_case(1)), Case(semaphore.acquire_case(1))};
                    const std::size_t chosen = co_await select(std::span<Case>(cases));
                    EXPECT_GE(chosen, 2U);
                });
                co_await until_parked("select", static_cast<std::size_t>(i) + 1);
            }
            for (int i = 0; i < 3; ++i) {
                semaphore.release(1);
            }
            co_await wg.wait();
            EXPECT_FALSE(semaphore.try_acquire());
            semaphore.release(3);
            EXPECT_TRUE(semaphore.try_acquire(3));
        },
        100);
}

}  // namespace
}  // namespace mynah::conc
