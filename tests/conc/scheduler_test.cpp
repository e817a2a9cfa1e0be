#include "conc/scheduler.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class SchedulerTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(SchedulerTest);

TEST_P(SchedulerTest, ManyTasksSpawnedAtOnceAllRun) {
    run(
        [this]() -> Task<void> {
            const int count = simulated() ? 600 : 100'000;
            internal::Atomic<int> ran{0};
            WaitGroup wg;
            for (int i = 0; i < count; ++i) {
                wg.go([&ran]() -> Task<void> {
                    ran.fetch_add(1);
                    co_return;
                });
            }
            co_await wg.wait();
            EXPECT_EQ(ran.load(), count);
        },
        30);
}

Task<void> tree(WaitGroup* wg, internal::Atomic<int>* nodes, int depth) {
    nodes->fetch_add(1);
    if (depth > 0) {
        wg->go(tree, wg, nodes, depth - 1);
        wg->go(tree, wg, nodes, depth - 1);
    }
    co_return;
}

TEST_P(SchedulerTest, TasksThatStartTasksAllRun) {
    run(
        [this]() -> Task<void> {
            const int depth = simulated() ? 7 : 14;
            WaitGroup wg;
            internal::Atomic<int> nodes{0};
            wg.go(tree, &wg, &nodes, depth);
            co_await wg.wait();
            EXPECT_EQ(nodes.load(), (2 << depth) - 1);
        },
        50);
}

// tokio 4941: two tasks that wake each other through the slot of the task woken last do not keep the queue waiting.
// Go's TestPingPongHog.
TEST_P(SchedulerTest, TwoTasksInPingPongDoNotStarveOthers) {
    run([]() -> Task<void> {
        const Channel<int> ping(0);
        const Channel<int> pong(0);
        internal::Atomic<bool> stop{false};
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            while (!stop.load()) {
                co_await ping.send(1);
                co_await pong.recv();
            }
            ping.close();
        });
        wg.go([&]() -> Task<void> {
            while (const auto value = co_await ping.recv()) {
                co_await pong.send(*value);
            }
        });
        for (int turn = 0; turn < 50; ++turn) {
            co_await yield();
        }
        stop.store(true);
        co_await wg.wait();
    });
}

TEST_P(SchedulerTest, WhatIsLeftWhenMainEndsDoesNotRunOn) {
    const std::size_t workers = simulated() ? 2 : GetParam().workers;
    Scheduler scheduler({.workers = workers, .seed = simulated() ? std::optional<std::uint64_t>(3) : std::nullopt});
    internal::Atomic<int> ran{0};
    scheduler.run([](internal::Atomic<int>* counter) -> Task<void> {
        go([counter]() -> Task<void> {
            for (;;) {
                counter->fetch_add(1);
                co_await yield();
            }
        });
        while (counter->load() <= 10) {
            co_await yield();
        }
    }(&ran));
    const int at_end = ran.load();
    EXPECT_EQ(scheduler.abandoned().size(), 1U);
    EXPECT_EQ(scheduler.task_count(), 0U);
    std::this_thread::yield();
    EXPECT_EQ(ran.load(), at_end);
}

TEST_P(SchedulerTest, RunsAgainAndAgain) {
    Scheduler scheduler({.workers = simulated() ? 3 : GetParam().workers,
                         .seed = simulated() ? std::optional<std::uint64_t>(9) : std::nullopt});
    for (int round = 0; round < 30; ++round) {
        const int result = scheduler.run([](int value) -> Task<int> {
            const Channel<int> ch(0);
            go([ch, value]() -> Task<void> { co_await ch.send(value); });
            go([]() -> Task<void> { co_await sleep_for(hours(1)); });
            const auto got = co_await ch.recv();
            co_return *got;
        }(round));
        EXPECT_EQ(result, round);
    }
}

TEST(Scheduler, RunReturnsWhatMainReturns) {
    Scheduler scheduler({.workers = 1});
    EXPECT_EQ(scheduler.run([]() -> Task<std::string> { co_return "result"; }()), "result");
    const auto owner = scheduler.run([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(2); }());
    EXPECT_EQ(*owner, 2);
    const auto fails = []() -> Task<int> {
        co_await yield();
        throw std::runtime_error("main");
    };
    EXPECT_THROW(scheduler.run(fails()), std::runtime_error);
    EXPECT_EQ(scheduler.run([]() -> Task<int> { co_return 3; }()), 3);
}

TEST(Scheduler, WorkersDefaultToTheProcessors) {
    Scheduler scheduler;
    EXPECT_EQ(scheduler.run([]() -> Task<int> { co_return 1; }()), 1);
}

TEST(Scheduler, RunInsideOfATaskPanics) {
    Scheduler scheduler({.workers = 1});
    scheduler.run([](Scheduler* self) -> Task<void> {
        const auto nothing = []() -> Task<void> { co_return; };
        EXPECT_THROW(self->run(nothing()), Panic);
        Scheduler another({.workers = 1});
        EXPECT_THROW(another.run(nothing()), Panic);
        co_return;
    }(&scheduler));
}

TEST(Scheduler, CountsTheTasksThatLive) {
    EXPECT_EQ(task_count(), 0U);
    Scheduler scheduler({.workers = 2});
    scheduler.run([](Scheduler* self) -> Task<void> {
        EXPECT_EQ(task_count(), 1U);
        const Channel<int> ch(0);
        for (int i = 0; i < 7; ++i) {
            go([ch]() -> Task<void> { co_await ch.recv(); });
        }
        EXPECT_EQ(task_count(), 8U);
        EXPECT_EQ(self->task_count(), 8U);
        ch.close();
        co_await until([] { return task_count() == 1; });
    }(&scheduler));
}

// golang 45867: an idle worker beside runnable work. Main keeps its worker and never awaits.
TEST(Scheduler, AnIdleWorkerTakesWhatABusyOneQueued) {
    Scheduler scheduler({.workers = 2});
    const bool taken = scheduler.run([]() -> Task<bool> {
        co_await sleep_for(milliseconds(2));  // so the other worker went to sleep
        internal::Atomic<bool> ran{false};
        WaitGroup wg;
        wg.go([&ran]() -> Task<void> {
            ran.store(true);
            co_return;
        });
        const auto patience = Clock::now() + seconds(20);
        while (!ran.load() && Clock::now() < patience) {
            internal::cpu_relax();
        }
        const bool seen = ran.load();
        co_await wg.wait();
        co_return seen;
    }());
    EXPECT_TRUE(taken);
}

/// The processor time that this process has used.
std::chrono::microseconds processor_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& t) { return seconds(t.tv_sec) + microseconds(t.tv_usec); };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

TEST(Scheduler, IdleWorkersUseNoProcessorTime) {
    const double share = test::run_task({.workers = 4}, []() -> Task<double> {
        WaitGroup wg;
        const Channel<int> quiet(0);
        for (int i = 0; i < 100; ++i) {
            wg.go([&quiet]() -> Task<void> { co_await quiet.recv(); });
        }
        co_await until_parked("chan receive", 100);
        const auto before = processor_time();
        const auto start = Clock::now();
        co_await sleep_for(milliseconds(500));
        const std::chrono::duration<double> used = processor_time() - before;
        const std::chrono::duration<double> passed = Clock::now() - start;
        quiet.close();
        co_await wg.wait();
        co_return used / passed;
    }());
    EXPECT_LT(share, 0.02);
}

// golang 57070, tokio 8065: a task that is woken now and then does not keep the other workers running.
TEST(Scheduler, ASlowTickerKeepsNobodyAwake) {
    const double share = test::run_task({.workers = 4}, []() -> Task<double> {
        const Channel<int> ch(0);
        WaitGroup wg;
        wg.go([&ch]() -> Task<void> {
            while (const auto value = co_await ch.recv()) {
            }
        });
        const auto before = processor_time();
        const auto start = Clock::now();
        for (int i = 0; i < 50; ++i) {
            co_await sleep_for(milliseconds(10));
            co_await ch.send(i);
        }
        const std::chrono::duration<double> used = processor_time() - before;
        const std::chrono::duration<double> passed = Clock::now() - start;
        ch.close();
        co_await wg.wait();
        co_return used / passed;
    }());
    EXPECT_LT(share, 0.05);
}

// libcoro 360: a shutdown that hangs.
TEST(Scheduler, StopsUnderLoad) {
    for (int round = 0; round < 30; ++round) {
        Scheduler scheduler({.workers = 4});
        scheduler.run([]() -> Task<void> {
            const Channel<int> ch(0);
            for (int i = 0; i < 20; ++i) {
                go([ch]() -> Task<void> {
                    for (;;) {
                        co_await ch.send(1);
                    }
                });
                go([ch]() -> Task<void> {
                    for (;;) {
                        co_await select(ch.recv_case(), after(microseconds(5)));
                        co_await yield();
                    }
                });
            }
            co_await sleep_for(milliseconds(2));
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 40U);
    }
}

TEST(Scheduler, StopWakesSleepingWorkers) {
    for (int round = 0; round < 300; ++round) {
        Scheduler scheduler({.workers = 4});
        scheduler.run([](int turns) -> Task<void> {
            for (int i = 0; i < turns; ++i) {
                co_await yield();
            }
        }(round % 7));
    }
}

TEST(Scheduler, NowIsTheSteadyClockOutsideOfATask) {
    const TimePoint before = Clock::now();
    const TimePoint between = now();
    EXPECT_LE(before, between);
    EXPECT_LE(between, Clock::now());
}

}  // namespace
}  // namespace mynah::conc
