#include "conc/timer.hpp"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class TimerTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(TimerTest);

TEST_P(TimerTest, FiresOnceNotBeforeItsTime) {
    run(
        []() -> Task<void> {
            const TimePoint start = now();
            const Timer timer(milliseconds(2));
            const auto fired = co_await timer.channel().recv();
            EXPECT_GE(now() - start, milliseconds(2));
            EXPECT_GE(*fired - start, milliseconds(2));
            EXPECT_LE(*fired, now());
            const auto again = co_await select(timer.channel().recv_case(), after(milliseconds(3)));
            EXPECT_EQ(again.index(), 1U) << "fired twice";
        },
        20);
}

TEST_P(TimerTest, FiresInTheOrderOfTheDeadlines) {
    run(
        []() -> Task<void> {
            std::vector<int> order;
            Mutex mutex;
            WaitGroup wg;
            for (const int turn : {3, 1, 2, 0}) {
                wg.go([&, turn]() -> Task<void> {
                    const Timer timer(milliseconds(10 * turn + 1));
                    co_await timer.channel().recv();
                    const auto guard = co_await mutex.lock();
                    order.push_back(turn);
                });
            }
            co_await wg.wait();
            EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
        },
        50);
}

// Go's TestStop and TestChan: after stop() nothing can be received, whether it had fired or not.
TEST_P(TimerTest, AfterStopNothingIsReceived) {
    run([this]() -> Task<void> {
        Timer far(hours(1));
        EXPECT_TRUE(far.stop());
        EXPECT_FALSE(far.stop());
        for (int i = 0; i < rounds(300); ++i) {
            Timer timer(microseconds(i % 30));
            co_await sleep_for(microseconds(i % 40));
            EXPECT_TRUE(timer.stop()) << "nobody has received its value";
            EXPECT_EQ(timer.channel().try_recv().error(), RecvError::empty);
            const auto late = co_await select(timer.channel().recv_case(), after(microseconds(30)));
            EXPECT_EQ(late.index(), 1U) << "a value of a stopped timer";
        }
        Timer received(Duration::zero());
        co_await received.channel().recv();
        EXPECT_FALSE(received.stop());
    });
}

// Go's TestReset: no value of the earlier moment, and the new one on time.
TEST_P(TimerTest, ResetForgetsTheEarlierMoment) {
    run([this]() -> Task<void> {
        Timer timer(hours(1));
        for (int i = 0; i < rounds(300); ++i) {
            timer.reset(microseconds(i % 20));
            co_await sleep_for(microseconds(i % 25));
            const TimePoint start = now();
            EXPECT_TRUE(timer.reset(microseconds(50)));
            const auto fired = co_await timer.channel().recv();
            EXPECT_GE(*fired - start, microseconds(50));
            EXPECT_FALSE(timer.reset(hours(1)));
        }
    });
}

TEST_P(TimerTest, MayBeStoppedAndResetByAnotherWorker) {
    run([this]() -> Task<void> {
        Timer timer(hours(1));
        int received = 0;
        WaitGroup wg;
        for (int i = 0; i < 4; ++i) {
            wg.go([&, i]() -> Task<void> {
                for (int k = 0; k < rounds(500); ++k) {
                    if ((i + k) % 3 == 0) {
                        timer.stop();
                    } else {
                        timer.reset(microseconds(k % 10));
                    }
                    co_await yield();
                }
            });
        }
        co_await wg.wait();
        timer.reset(Duration::zero());
        for (int i = 0; i < 3; ++i) {
            const auto s = co_await select(timer.channel().recv_case(), after(milliseconds(2)));
            received += s.index() == 0 ? 1 : 0;
        }
        EXPECT_EQ(received, 1);
    });
}

TEST(Timer, IsDroppedWithItsLastHandle) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        Receiver<TimePoint> channel;
        {
            const Timer timer(milliseconds(1));
            channel = timer.channel();
        }
        const auto s = co_await select(channel.recv_case(), after(milliseconds(5)));
        EXPECT_EQ(s.index(), 1U);
    }());
}

// The last handle goes on one worker while the timer expires on another.
TEST_P(TimerTest, MayBeDroppedByAnotherWorkerWhileItExpires) {
    run([this]() -> Task<void> {
        const Channel<Timer> timers(16);
        WaitGroup wg;
        for (int i = 0; i < 2; ++i) {
            wg.go([&]() -> Task<void> {
                while (auto timer = co_await timers.recv()) {
                    const Receiver<TimePoint> channel = timer->channel();
                    timer.reset();
                    co_await yield();
                    if (channel.try_recv()) {
                        EXPECT_FALSE(channel.try_recv()) << "fired twice";
                    }
                }
            });
        }
        for (int k = 0; k < rounds(3000); ++k) {
            co_await timers.send(Timer(microseconds(k % 20)));
        }
        timers.close();
        co_await wg.wait();
    });
}

TEST_P(TimerTest, HasABufferOfOneValue) {
    run(
        []() -> Task<void> {
            const Timer timer(milliseconds(1));
            EXPECT_EQ(timer.channel().capacity(), 1U);
            EXPECT_EQ(timer.channel().size(), 0U);
            const auto fired = [&] { return timer.channel().size() == 1; };
            co_await until(fired);
            EXPECT_TRUE(timer.channel().try_recv());
        },
        5);
}

TEST(Timer, OutsideOfATaskPanics) {
    EXPECT_THROW(Timer(milliseconds(1)), Panic);
    EXPECT_THROW(Ticker(milliseconds(1)), Panic);
}

class TickerTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(TickerTest);

// Go's TestTicker: it keeps its beat, and a slow receiver sees fewer ticks rather than a burst.
TEST_P(TickerTest, TicksUntilItIsStopped) {
    run(
        []() -> Task<void> {
            const TimePoint start = now();
            Ticker ticker(milliseconds(1));
            TimePoint last = start;
            for (int i = 1; i <= 10; ++i) {
                const auto tick = co_await ticker.channel().recv();
                EXPECT_GE(*tick - start, milliseconds(i));
                EXPECT_GT(*tick, last);
                last = *tick;
            }
            ticker.stop();
            const auto more = co_await select(ticker.channel().recv_case(), after(milliseconds(5)));
            EXPECT_EQ(more.index(), 1U);
        },
        20);
}

TEST_P(TickerTest, ASlowReceiverGetsFewerTicks) {
    run(
        []() -> Task<void> {
            const Ticker ticker(milliseconds(1));
            co_await sleep_for(milliseconds(10));
            EXPECT_TRUE(ticker.channel().try_recv());
            EXPECT_EQ(ticker.channel().size(), 0U);
        },
        20);
}

// Go's TestTickerReset.
TEST_P(TickerTest, ResetChangesTheBeat) {
    run(
        []() -> Task<void> {
            Ticker ticker(hours(1));
            ticker.reset(milliseconds(1));
            const TimePoint start = now();
            co_await ticker.channel().recv();
            co_await ticker.channel().recv();
            EXPECT_LT(now() - start, hours(1));
            ticker.reset(hours(1));
            const auto s = co_await select(ticker.channel().recv_case(), after(milliseconds(5)));
            EXPECT_EQ(s.index(), 1U);
        },
        20);
}

// In virtual time a ticker is exact.
TEST(Ticker, KeepsItsBeatOverAnHour) {
    test::run_task({.workers = 2, .seed = 1}, []() -> Task<void> {
        const TimePoint start = now();
        const Ticker ticker(std::chrono::seconds(1));
        for (int i = 1; i <= 3600; ++i) {
            const auto tick = co_await ticker.channel().recv();
            EXPECT_EQ(*tick - start, std::chrono::seconds(i));
        }
    }());
}

TEST(Ticker, APeriodThatIsNotPositivePanics) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        EXPECT_THROW(Ticker{Duration::zero()}, Panic);
        Ticker ticker(milliseconds(1));
        EXPECT_THROW(ticker.reset(milliseconds(-1)), Panic);
        co_return;
    }());
}

// Both are due when the worker looks at last: what was due first comes first.
TEST(Timer, ComesBeforeATimeoutThatIsDueLater) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        for (int round = 0; round < 20; ++round) {
            const Timer timer(milliseconds(1));
            WaitGroup wg;
            wg.go([]() -> Task<void> {
                const auto until = Clock::now() + milliseconds(3);
                while (Clock::now() < until) {
                }
                co_return;
            });
            const auto s = co_await select(timer.channel().recv_case(), after(milliseconds(2)));
            EXPECT_EQ(s.index(), 0U);
            co_await wg.wait();
        }
    }());
}

}  // namespace
}  // namespace mynah::conc
