#include "conc/sleep.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class SleepTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(SleepTest);

TEST_P(SleepTest, LastsAtLeastAsLongAsAsked) {
    run(
        []() -> Task<void> {
            for (const auto duration : {microseconds(1), microseconds(700), microseconds(3000)}) {
                const TimePoint start = now();
                co_await sleep_for(duration);
                EXPECT_GE(now() - start, duration);
                co_await sleep_until(start + 2 * duration);
                EXPECT_GE(now() - start, 2 * duration);
            }
        },
        20);
}

TEST_P(SleepTest, ATimeThatHasPassedIsNoWait) {
    run(
        []() -> Task<void> {
            co_await sleep_for(milliseconds(0));
            co_await sleep_for(milliseconds(-5));
            co_await sleep_for(Duration::min());
            co_await sleep_until(now());
            co_await sleep_until(TimePoint::min());
        },
        1);
}

TEST_P(SleepTest, NobodyOfManyWakesBeforeItsDeadline) {
    run(
        []() -> Task<void> {
            constexpr std::size_t kSleepers = 60;
            std::vector<TimePoint> woke(kSleepers);
            const TimePoint start = now();
            WaitGroup wg;
            for (std::size_t i = 0; i < kSleepers; ++i) {
                wg.go([&woke, start, i]() -> Task<void> {
                    const auto due = start + microseconds(i * 37 % kSleepers * 50);
                    co_await sleep_until(due);
                    woke[i] = now();
                    EXPECT_GE(woke[i], due);
                });
            }
            co_await wg.wait();
        },
        100);
}

TEST_P(SleepTest, ManyTimersOfOneMomentAllFire) {
    run(
        []() -> Task<void> {
            const TimePoint due = now() + milliseconds(2);
            WaitGroup wg;
            for (int i = 0; i < 500; ++i) {
                wg.go([due]() -> Task<void> { co_await sleep_until(due); });
            }
            co_await wg.wait();
            EXPECT_GE(now(), due);
        },
        10);
}

TEST_P(SleepTest, YieldLetsTheOthersRun) {
    run(
        []() -> Task<void> {
            constexpr std::size_t kTasks = 5;
            constexpr int kTurns = 50;
            WaitGroup wg;
            std::vector<int> turns(kTasks, 0);
            for (std::size_t i = 0; i < kTasks; ++i) {
                wg.go([&turns, i]() -> Task<void> {
                    for (int turn = 0; turn < kTurns; ++turn) {
                        ++turns[i];
                        co_await yield();
                    }
                });
            }
            co_await wg.wait();
            EXPECT_EQ(turns, std::vector<int>(kTasks, kTurns));
        },
        50);
}

TEST(Sleep, TasksThatOnlyYieldTakeTurns) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        constexpr std::size_t kTasks = 5;
        std::vector<int> turns(kTasks, 0);
        WaitGroup wg;
        for (std::size_t i = 0; i < kTasks; ++i) {
            wg.go([&turns, i]() -> Task<void> {
                for (int turn = 0; turn < 100; ++turn) {
                    ++turns[i];
                    for (const int other : turns) {
                        EXPECT_LE(turns[i] - other, 1);
                    }
                    co_await yield();
                }
            });
        }
        co_await wg.wait();
    }());
}

// Go's TestTimerFairness: tasks that only yield keep no timer from firing. Not in a simulation, where time stands still
// while tasks run.
TEST(Sleep, TimersFireBesideBusyTasks) {
    on_real_workers([]() -> Task<void> {
        bool stop = false;
        Mutex mutex;
        WaitGroup wg;
        for (int i = 0; i < 4; ++i) {
            wg.go([&]() -> Task<void> {
                for (bool more = true; more;) {
                    co_await yield();
                    const auto guard = co_await mutex.lock();
                    more = !stop;
                }
            });
        }
        for (int i = 0; i < 10; ++i) {
            co_await sleep_for(microseconds(200));
        }
        {
            const auto guard = co_await mutex.lock();
            stop = true;
        }
        co_await wg.wait();
    });
}

// An eternity is a timer as well: nothing is asleep for ever beside it.
TEST(Sleep, AnEternityDoesNotCountAsADeadlock) {
    Scheduler scheduler({.workers = 2});
    const Channel<int> wake(0);
    scheduler.run([](Channel<int> ch) -> Task<void> {
        go([]() -> Task<void> { co_await sleep_for(Duration::max()); });
        go([]() -> Task<void> { co_await sleep_until(TimePoint::max()); });
        go([ch]() -> Task<void> {
            co_await until_parked("sleep", 2);
            co_await ch.send(1);
        });
        const auto s = co_await select(ch.recv_case(), after(Duration::max()));
        EXPECT_EQ(s.index(), 0U);
    }(wake));
    EXPECT_EQ(scheduler.abandoned().size(), 2U);
}

TEST(Sleep, VirtualTimeJumpsToTheNextDeadline) {
    const auto start = std::chrono::steady_clock::now();
    test::run_task({.workers = 2, .seed = 7}, []() -> Task<void> {
        const TimePoint before = now();
        co_await sleep_for(hours(24 * 365));
        EXPECT_EQ(now() - before, hours(24 * 365));
    }());
    EXPECT_LT(std::chrono::steady_clock::now() - start, hours(1));
}

TEST(Sleep, OfANanosecondLetsOthersRun) {
    bool stop = false;
    const auto sleep_on = [](const bool* stopped) -> Task<void> {
        while (!*stopped) {
            co_await sleep_for(std::chrono::nanoseconds(1));
        }
    };
    const auto main = [&]() -> Task<void> {
        WaitGroup wg;
        wg.go(sleep_on, &stop);
        for (int i = 0; i < 100; ++i) {
            co_await yield();
        }
        stop = true;
        co_await wg.wait();
    };
    test::run_task({.workers = 1}, main());
}

}  // namespace
}  // namespace mynah::conc
