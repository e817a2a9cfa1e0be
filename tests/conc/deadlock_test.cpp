// "all tasks are asleep - deadlock": reported when it is so, and never when something can still wake a task.
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <tuple>

#include <asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "conc/use_task.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr const char* kReport = "fatal error: all tasks are asleep - deadlock!\n\n";

class DeadlockDeathTest : public testing::TestWithParam<std::size_t> {
  protected:
    DeadlockDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

    template <class Main>
    void run(Main main) {
        Scheduler scheduler({.workers = GetParam()});
        scheduler.run(main());
    }
};
INSTANTIATE_TEST_SUITE_P(, DeadlockDeathTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

Task<void> waits_in_vain(Channel<int> ch) {
    co_await ch.recv();
}

// The report lists every task with what it waits for, its awaits, and who started it.
TEST_P(DeadlockDeathTest, TheReportHoldsTheDump) {
    const auto main = []() -> Task<void> {
        const Channel<int> ch(0);
        go(waits_in_vain, ch);
        Mutex mutex;
        const auto guard = co_await mutex.lock();
        const auto again = co_await mutex.lock();
    };
    EXPECT_DEATH(run(main), std::string(kReport) +
                                "task 1 \\[sync.Mutex.Lock\\]:\n.*\n\t.*deadlock_test.cpp:[0-9]+\n\n"
                                "task [0-9]+ \\[chan receive\\]:\n.*waits_in_vain.*\n\t.*deadlock_test.cpp:[0-9]+\n"
                                "created by .*in task 1\n\t.*deadlock_test.cpp:[0-9]+\n");
}

TEST_P(DeadlockDeathTest, EveryKindOfWaitCounts) {
    const auto main = []() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        wg.add(1);
        Once once;
        go([&]() -> Task<void> { co_await wg.wait(); });
        go([&]() -> Task<void> { co_await select(ch.recv_case(), Channel<int>().send_case(1)); });
        go([&]() -> Task<void> { co_await select(); });
        go([&]() -> Task<void> { co_await Channel<int>().recv(); });
        go([&]() -> Task<void> {
            const auto again = [&once]() -> Task<void> { co_await once.run([] {}); };
            co_await once.run(again);
        });
        co_await ch.recv();
    };
    EXPECT_DEATH(run(main), kReport);
}

TEST_P(DeadlockDeathTest, ATimerThatWasCancelledHidesNothing) {
    const auto main = []() -> Task<void> {
        const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(20));
        cancel();
        co_await select(ctx.done(), after(milliseconds(20)));
        co_await Channel<int>(0).recv();
    };
    EXPECT_DEATH(run(main), kReport);
}

// The call's end and the worker's look for a deadlock race: whoever comes last has to report.
TEST_P(DeadlockDeathTest, IsSeenAfterABlockingCall) {
    const auto main = []() -> Task<void> {
        co_await blocking([] { std::this_thread::sleep_for(milliseconds(1)); });
        co_await Channel<int>(0).recv();
    };
    EXPECT_DEATH(run(main), kReport);
}

TEST_P(DeadlockDeathTest, IsSeenAfterAnAsioOperation) {
    const auto main = []() -> Task<void> {
        asio::steady_timer timer(io_context(), milliseconds(1));
        std::ignore = co_await timer.async_wait(use_task);
        co_await Channel<int>(0).recv();
    };
    EXPECT_DEATH(run(main), kReport);
}

// golang 61454 and its like: no false alarm.

TEST(Deadlock, IsNotReportedWhileATimerIsPending) {
    on_real_workers([]() -> Task<void> {
        for (int i = 0; i < 100; ++i) {
            const Channel<int> ch(0);
            go([ch]() -> Task<void> {
                co_await sleep_for(microseconds(50));
                co_await ch.send(1);
            });
            co_await ch.recv();
            const auto s = co_await select(ch.recv_case(), after(microseconds(30)));
            EXPECT_EQ(s.index(), 1U);
            const auto [ctx, cancel] = with_timeout(Context::background(), microseconds(30));
            co_await select(ctx.done());
        }
        co_await until([] { return task_count() == 1; });
    });
}

TEST(Deadlock, IsNotReportedWhileABlockingCallIsUnderWay) {
    on_real_workers([]() -> Task<void> {
        for (int i = 0; i < 200; ++i) {
            const int value = co_await blocking([] {
                std::this_thread::yield();
                return 4;
            });
            EXPECT_EQ(value, 4);
        }
        WaitGroup wg;
        for (int i = 0; i < 20; ++i) {
            wg.go([]() -> Task<void> { co_await blocking([] { std::this_thread::sleep_for(milliseconds(1)); }); });
        }
        co_await wg.wait();
    });
}

TEST(Deadlock, IsNotReportedWhileAnAsioOperationIsPending) {
    on_real_workers([]() -> Task<void> {
        for (int i = 0; i < 100; ++i) {
            asio::steady_timer timer(io_context(), microseconds(i));
            const auto result = co_await timer.async_wait(use_task);
            EXPECT_TRUE(result.has_value());
        }
    });
}

// A message on its way to a worker, and a message that completes nothing.
TEST(Deadlock, IsNotReportedWhileAMessageIsOnItsWay) {
    on_real_workers([]() -> Task<void> {
        for (int i = 0; i < 200; ++i) {
            const Channel<int> ch(1);
            EventSource* home = EventSource::current();
            co_await yield();
            home->post([ch] { EXPECT_TRUE(ch.try_send(1)); });
            const auto value = co_await ch.recv();
            EXPECT_EQ(value, 1);
        }
    });
}

}  // namespace
}  // namespace mynah::conc
