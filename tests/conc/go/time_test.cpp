// Sleeping, timers and tickers: Go's time/sleep_test.go and time/tick_test.go. What is about the length of a time
// runs in virtual time, where it is exact.
#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;

class TimeTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(TimeTest);

// Go: time/sleep_test.go TestSleep, TestAfter. Never less than was asked for.
TEST_P(TimeTest, Sleep) {
    run([]() -> Task<void> {
        for (const auto delay : {microseconds(0), microseconds(1), microseconds(200), microseconds(3000)}) {
            const TimePoint start = now();
            co_await sleep_for(delay);
            EXPECT_GE(now() - start, delay);
            co_await sleep_until(start + 2 * delay);
            EXPECT_GE(now() - start, 2 * delay);
            const Timer timer(delay);
            const TimePoint armed = now();
            const auto fired = co_await timer.channel().recv();
            EXPECT_GE(*fired - start, 3 * delay);
            EXPECT_GE(now(), *fired);
            EXPECT_GE(now(), armed);
        }
    });
}

// Go: time/sleep_test.go TestAfterTick. And in virtual time, never more.
TEST_P(TimeTest, AfterTick) {
    run_in_virtual_time([]() -> Task<void> {
        const TimePoint start = now();
        for (int i = 1; i <= 10; ++i) {
            co_await select(after(milliseconds(100)));
            EXPECT_EQ(now() - start, milliseconds(100) * i);
        }
    });
}

Task<void> start_the_next(int left, Channel<Unit> done) {
    co_await sleep_for(Duration::zero());
    if (left == 0) {
        co_await done.send(Unit());
        co_return;
    }
    go(start_the_next, left - 1, done);
    co_await sleep_for(milliseconds(1));
}

// Go: time/sleep_test.go TestAfterFunc. Each function that a moment starts arms the next moment, and stays asleep.
TEST_P(TimeTest, AfterFunc) {
    run([]() -> Task<void> {
        const Channel<Unit> done(0);
        go(start_the_next, 10, done);
        co_await done.recv();
    });
}

// Go: time/sleep_test.go TestAfterStress. Beside a task that always comes back at once. It yields as well: a sleep
// that is over when it is awaited does not give the worker up.
TEST_P(TimeTest, AfterStress) {
    run([]() -> Task<void> {
        Atomic<bool> stop{false};
        WaitGroup wg;
        wg.go([&stop]() -> Task<void> {
            while (!stop.load()) {
                co_await sleep_for(nanoseconds(1));
                co_await yield();
            }
        });
        Ticker ticker{nanoseconds(1)};
        for (int i = 0; i < 100; ++i) {
            co_await ticker.channel().recv();
        }
        ticker.stop();
        stop.store(true);
        co_await wg.wait();
    });
}

// Go: time/sleep_test.go TestAfterStop.
TEST_P(TimeTest, AfterStop) {
    run_in_virtual_time([]() -> Task<void> {
        Timer early(milliseconds(50));
        Timer late(milliseconds(150));
        EXPECT_TRUE(early.stop());
        EXPECT_TRUE(late.stop());
        co_await sleep_for(milliseconds(200));
        EXPECT_EQ(early.channel().try_recv().error(), RecvError::empty);
        EXPECT_EQ(late.channel().try_recv().error(), RecvError::empty);
        EXPECT_FALSE(late.stop()) << "stopped twice";
    });
}

// Go: time/sleep_test.go TestAfterQueuing.
TEST_P(TimeTest, AfterQueuing) {
    run_in_virtual_time([]() -> Task<void> {
        constexpr std::array kSlots = {5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
        const Channel<std::pair<int, Duration>> results(kSlots.size());
        const TimePoint start = now();
        for (const int slot : kSlots) {
            go([=]() -> Task<void> {
                co_await sleep_until(start + milliseconds(20) * slot);
                co_await results.send(std::pair(slot, now() - start));
            });
        }
        std::vector<int> order;
        for (std::size_t i = 0; i < kSlots.size(); ++i) {
            const auto result = co_await results.recv();
            order.push_back(result->first);
            EXPECT_EQ(result->second, milliseconds(20) * result->first);
        }
        EXPECT_TRUE(std::ranges::is_sorted(order));
    });
}

// Go: time/sleep_test.go TestTimerStopStress.
TEST_P(TimeTest, TimerStopStress) {
    run_in_virtual_time([]() -> Task<void> {
        WaitGroup wg;
        for (int i = 0; i < 100; ++i) {
            wg.go([]() -> Task<void> {
                Timer timer(milliseconds(2));
                co_await sleep_for(milliseconds(1));
                EXPECT_TRUE(timer.stop());
                const auto s = co_await select(timer.channel().recv_case(), after(milliseconds(3)));
                EXPECT_EQ(s.index(), 1U) << "a timer that was stopped fired";
            });
        }
        co_await wg.wait();
    });
}

// Go: time/sleep_test.go TestSleepZeroDeadlock.
TEST_P(TimeTest, SleepZeroDeadlock) {
    run([]() -> Task<void> {
        WaitGroup wg;
        wg.go([]() -> Task<void> {
            for (int i = 0; i < 100; ++i) {
                co_await yield();
            }
        });
        for (int i = 0; i < 100; ++i) {
            co_await sleep_for(Duration::zero());
            const Channel<bool> own(1);
            co_await own.send(true);
            co_await own.recv();
        }
        co_await wg.wait();
    });
}

// Go: time/sleep_test.go TestReset.
TEST_P(TimeTest, Reset) {
    run_in_virtual_time([]() -> Task<void> {
        constexpr auto kUnit = milliseconds(25);
        Timer timer(2 * kUnit);
        co_await sleep_for(kUnit);
        EXPECT_TRUE(timer.reset(3 * kUnit)) << "it had not fired";
        co_await sleep_for(2 * kUnit);
        EXPECT_EQ(timer.channel().try_recv().error(), RecvError::empty) << "fired early";
        co_await sleep_for(2 * kUnit);
        EXPECT_TRUE(timer.channel().try_recv()) << "did not fire";
        EXPECT_FALSE(timer.reset(2 * kUnit)) << "it had fired";
    });
}

// Go: time/sleep_test.go TestOverflowSleep.
TEST_P(TimeTest, OverflowSleep) {
    run_and_abandon_others([]() -> Task<void> {
        Atomic<bool> returned{false};
        go(
            [](Atomic<bool>* flag) -> Task<void> {
                co_await sleep_for(Duration::max());
                flag->store(true);
            },
            &returned);
        const auto s = co_await select(after(Duration::max()), after(milliseconds(2)));
        EXPECT_EQ(s.index(), 1U);
        const TimePoint start = now();
        co_await sleep_for(Duration::min());
        co_await select(after(Duration::min()), after(hours(1)));
        EXPECT_LT(now() - start, hours(1));
        EXPECT_FALSE(returned.load());
    });
}

// Go: time/sleep_test.go TestOverflowPeriodRuntimeTimer. Other timers go on beside a period that has no end.
TEST_P(TimeTest, OverflowPeriod) {
    run([]() -> Task<void> {
        Ticker endless{Duration::max()};
        Ticker ticker{microseconds(10)};
        for (int i = 0; i < 10; ++i) {
            co_await ticker.channel().recv();
        }
        EXPECT_EQ(endless.channel().try_recv().error(), RecvError::empty);
        endless.stop();
        ticker.stop();
    });
}

// Go: time/sleep_test.go TestIssue5745. A panic passes a ticker that is armed.
TEST_P(TimeTest, Issue5745) {
    run([]() -> Task<void> {
        const auto fail = []() -> Task<void> {
            const Ticker ticker{hours(1)};
            co_await yield();
            throw Panic("beside a ticker");
        };
        const std::string panic = co_await panic_of(fail());
        EXPECT_EQ(panic, "beside a ticker");
    });
}

// Go: time/sleep_test.go TestZeroTimerResetPanics, TestZeroTimerStopPanics; tick_test.go
// TestTickerStopWithDirectInitialization. There is no timer that was not made.
static_assert(!std::default_initializable<Timer> && !std::default_initializable<Ticker>);

// Go: time/sleep_test.go TestZeroTimer.
TEST_P(TimeTest, ZeroTimer) {
    run([]() -> Task<void> {
        for (int i = 0; i < scaled(2000); ++i) {
            const Timer timer(Duration::zero());
            co_await timer.channel().recv();
        }
    });
}

// Go: time/sleep_test.go TestTimerModifiedEarlier.
TEST_P(TimeTest, TimerModifiedEarlier) {
    run([]() -> Task<void> {
        for (int i = 0; i < scaled(300); ++i) {
            Timer timer(hours(1));
            for (int k = 0; k < 10; ++k) {
                EXPECT_TRUE(timer.stop()) << "its value was received by nobody";
                timer.reset(-hours(1));
            }
            const auto s = co_await select(timer.channel().recv_case(), after(minutes(1)));
            EXPECT_EQ(s.index(), 0U) << "the timer was dropped";
        }
    });
}

/// Takes a timer through its life: fired, reset to far moments and stopped, reset to now.
Task<void> adjust(std::uint64_t seed) {
    internal::Random random(seed);
    Timer timer(Duration::zero());
    co_await timer.channel().recv();
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(timer.reset(minutes(1 + random.below(3))));
        if (random.coin()) {
            co_await yield();
        }
        EXPECT_TRUE(timer.stop());
    }
    EXPECT_FALSE(timer.reset(microseconds(random.below(50))));
    const auto s = co_await select(timer.channel().recv_case(), after(minutes(1)));
    EXPECT_EQ(s.index(), 0U) << "the timer was lost";
}

// Go: time/sleep_test.go TestAdjustTimers.
TEST_P(TimeTest, AdjustTimers) {
    run([]() -> Task<void> {
        WaitGroup wg;
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            wg.go(adjust, seed);
        }
        co_await wg.wait();
    });
}

// Go: time/tick_test.go TestTicker, exact in virtual time.
TEST_P(TimeTest, Ticker) {
    run_in_virtual_time([]() -> Task<void> {
        constexpr auto kDelta = milliseconds(20);
        const TimePoint start = now();
        mynah::conc::Ticker ticker{kDelta};
        for (int i = 0; i < 5; ++i) {
            co_await ticker.channel().recv();
        }
        ticker.reset(2 * kDelta);
        for (int i = 0; i < 5; ++i) {
            co_await ticker.channel().recv();
        }
        EXPECT_EQ(now() - start, 15 * kDelta);
        ticker.stop();
        co_await sleep_for(4 * kDelta);
        EXPECT_EQ(ticker.channel().try_recv().error(), RecvError::empty) << "it was not stopped";
    });
}

// Go: time.NewTicker: a slow receiver gets fewer ticks.
TEST_P(TimeTest, TickerDropsTicksForASlowReceiver) {
    run_in_virtual_time([]() -> Task<void> {
        mynah::conc::Ticker ticker{milliseconds(1)};
        co_await sleep_for(microseconds(10'500));
        EXPECT_TRUE(ticker.channel().try_recv());
        EXPECT_EQ(ticker.channel().try_recv().error(), RecvError::empty) << "a burst";
        ticker.stop();
    });
}

// Go: time/tick_test.go TestTeardown.
TEST_P(TimeTest, Teardown) {
    run([]() -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            mynah::conc::Ticker ticker{microseconds(50)};
            co_await ticker.channel().recv();
            ticker.stop();
        }
    });
}

// Go: time/tick_test.go TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration, TestTick.
TEST_P(TimeTest, TickerLtZeroDuration) {
    run([]() -> Task<void> {
        EXPECT_THROW(mynah::conc::Ticker{-nanoseconds(1)}, Panic);
        EXPECT_THROW(mynah::conc::Ticker{Duration::zero()}, Panic);
        mynah::conc::Ticker ticker{hours(1)};
        EXPECT_THROW(ticker.reset(Duration::zero()), Panic);
        ticker.stop();
        co_return;
    });
}

}  // namespace
}  // namespace mynah::conc
