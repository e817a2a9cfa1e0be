// The scheduler: what Go's runtime/proc_test.go asks of fairness, and what Go says of main's end and of deadlocks.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using std::chrono::hours;
using std::chrono::milliseconds;

class SchedulerTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(SchedulerTest);

// Go: runtime/proc_test.go TestTimerFairness. A timer fires though two senders keep the receiver always ready.
TEST_P(SchedulerTest, TimerFairness) {
    run([]() -> Task<void> {
        const Channel<bool> ch(0);
        const Channel<Unit> done(0);
        for (int i = 0; i < 2; ++i) {
            go([=]() -> Task<void> {
                for (bool more = true; more;) {
                    const auto s = co_await select(ch.send_case(true), done.recv_case());
                    more = s.index() == 0;
                }
            });
        }
        const Timer timer(milliseconds(5));
        for (bool more = true; more;) {
            const auto s = co_await select(ch.recv_case(), timer.channel().recv_case());
            more = s.index() == 0;
        }
        done.close();
    });
}

// Go: runtime/proc_test.go TestTimerFairness2. Both sides have timers of their own.
TEST_P(SchedulerTest, TimerFairness2) {
    run([]() -> Task<void> {
        const Channel<bool> ch(0);
        WaitGroup wg;
        for (int i = 0; i < 2; ++i) {
            wg.go([=]() -> Task<void> {
                const Timer timer(milliseconds(5));
                for (bool more = true; more;) {
                    co_await yield();
                    const auto s = co_await select(ch.send_case(true), ch.recv_case(), timer.channel().recv_case());
                    more = s.index() != 2;
                }
            });
        }
        co_await wg.wait();
    });
}

/// One of two who pass a token to each other, and count how often.
Task<void> pass_token(Channel<Unit> token, Channel<Unit> done, Atomic<int>* count) {
    for (bool more = true; more;) {
        const auto s = co_await select(done.recv_case(), token.recv_case());
        more = s.index() != 0;
        if (more) {
            count->fetch_add(1);
            const auto passed = co_await select(done.recv_case(), token.send_case(Unit()));
            more = passed.index() != 0;
        }
    }
}

// Go: runtime/proc_test.go TestPingPongHog. Of two pairs neither starves the other, nor a task that only yields.
TEST_P(SchedulerTest, PingPongHog) {
    run([]() -> Task<void> {
        const Channel<Unit> done(0);
        const Channel<Unit> first(0);
        const Channel<Unit> second(0);
        Atomic<int> first_count{0};
        Atomic<int> second_count{0};
        WaitGroup wg;
        for (int i = 0; i < 2; ++i) {
            wg.go(pass_token, first, done, &first_count);
            wg.go(pass_token, second, done, &second_count);
        }
        co_await first.send(Unit());
        co_await second.send(Unit());
        const int enough = scaled(1000);
        while (std::min(first_count.load(), second_count.load()) < enough) {
            co_await yield();
        }
        done.close();
        co_await wg.wait();
    });
}

// Go: runtime/proc_test.go TestPingPongHog's measure, where it can be taken: on one worker turns are counted, not time.
TEST_P(SchedulerTest, YieldersShareTheirWorkerFairly) {
    repeat([] {
        test::run_task({.workers = 1}, []() -> Task<void> {
            std::vector<int> turns(10, 0);
            bool stop = false;
            WaitGroup wg;
            for (int& mine : turns) {
                wg.go([&]() -> Task<void> {
                    while (!stop) {
                        ++mine;
                        co_await yield();
                    }
                });
            }
            while (turns[0] < 1000) {
                co_await yield();
            }
            stop = true;
            co_await wg.wait();
            const auto [least, most] = std::ranges::minmax(turns);
            EXPECT_LE(most - least, 200) << "from " << least << " to " << most;
        }());
    });
}

// Go: runtime/proc_test.go TestYieldProgress.
TEST_P(SchedulerTest, YieldProgress) {
    run([]() -> Task<void> {
        const Channel<Unit> stop(0);
        const Channel<Unit> stopped(0);
        go([=]() -> Task<void> {
            while (try_select(stop.recv_case()).index() == no_case) {
                co_await yield();
            }
            co_await stopped.send(Unit());
        });
        for (int i = 0; i < 100; ++i) {
            co_await yield();
        }
        while (!stop.try_send(Unit())) {
            // Its receiver never waits: the two have to meet in a select that does.
            const auto s = co_await select(stop.send_case(Unit()), after(milliseconds(100)));
            if (s.index() == 0) {
                break;
            }
        }
        co_await stopped.recv();
    });
}

// Go: runtime/proc_test.go TestGoroutineParallelism. As many tasks as workers run at once: each waits for the others'
// turn without ever giving its worker up. Twice as many threads as most machines have would only wait for the system.
TEST_P(SchedulerTest, GoroutineParallelism) {
    run([this]() -> Task<void> {
        const int tasks = static_cast<int>(std::min<std::size_t>(workers(), 4));
        Atomic<int> turn{0};
        WaitGroup wg;
        for (int self = 0; self < tasks; ++self) {
            wg.go([&turn, self, tasks]() -> Task<void> {
                for (int round = 0; round < 3; ++round) {
                    while (turn.load() != round * tasks + self) {
                        std::this_thread::yield();
                    }
                    turn.fetch_add(1);
                }
                co_return;
            });
        }
        co_await wg.wait();
        EXPECT_EQ(turn.load(), 3 * tasks);
    });
}

// Go: runtime/proc_test.go TestNumGoroutine. The dump and the count agree.
TEST_P(SchedulerTest, NumGoroutine) {
    run([]() -> Task<void> {
        const Channel<Unit> gate(0);
        for (int i = 0; i < 20; ++i) {
            go([gate]() -> Task<void> { co_await gate.recv(); });
        }
        EXPECT_EQ(task_count(), 21U);
        EXPECT_EQ(tasks().size(), 21U);
        gate.close();
        co_await until([] { return task_count() == 1; });
        EXPECT_EQ(tasks().size(), 1U);
    });
}

// Go: runtime/proc_test.go TestBigGOMAXPROCS. Many more workers than processors.
TEST_P(SchedulerTest, BigGOMAXPROCS) {
    repeat([this] {
        const int result = test::run_task({.workers = 16 * workers()}, []() -> Task<int> {
            Atomic<int> ran{0};
            WaitGroup wg;
            for (int i = 0; i < 200; ++i) {
                wg.go([&ran]() -> Task<void> {
                    co_await yield();
                    ran.fetch_add(1);
                });
            }
            co_await wg.wait();
            co_return ran.load();
        }());
        EXPECT_EQ(result, 200);
    });
}

// Go: runtime/proc.go: the poller is looked at while the queue is never empty.
TEST_P(SchedulerTest, ThePollerIsConsultedUnderLoad) {
    run([this]() -> Task<void> {
        Atomic<bool> stop{false};
        WaitGroup busy;
        for (std::size_t i = 0; i < 2 * workers(); ++i) {
            busy.go([&stop]() -> Task<void> {
                while (!stop.load()) {
                    co_await yield();
                }
            });
        }
        EventSource* home = EventSource::current();
        for (int i = 0; i < 20; ++i) {
            const Channel<int> posted(1);
            const auto post = [home, posted, i] {
                home->post([posted, i] { EXPECT_TRUE(posted.try_send(i)); });
                return i;
            };
            const int value = co_await blocking(post);
            EXPECT_EQ(value, i);
            const auto arrived = co_await posted.recv();
            EXPECT_EQ(arrived, i);
        }
        stop.store(true);
        co_await busy.wait();
    });
}

// Go: the specification, on the end of main.
TEST_P(SchedulerTest, WhenMainReturnsOthersDoNotRunOn) {
    repeat([this] {
        Atomic<int> turns{0};
        Scheduler scheduler({.workers = workers()});
        scheduler.run([](Atomic<int>* count) -> Task<void> {
            for (int i = 0; i < 4; ++i) {
                go([count]() -> Task<void> {
                    for (;;) {
                        count->fetch_add(1);
                        co_await yield();
                    }
                });
                go([]() -> Task<void> { co_await sleep_for(hours(1)); });
            }
            while (count->load() < 100) {
                co_await yield();
            }
        }(&turns));
        const int at_the_end = turns.load();
        EXPECT_EQ(scheduler.abandoned().size(), 8U);
        EXPECT_EQ(scheduler.task_count(), 0U);
        std::this_thread::yield();
        EXPECT_EQ(turns.load(), at_the_end);
    });
}

class SchedulerDeathTest : public GoTest {
  protected:
    SchedulerDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
MYNAH_ON_1_2_AND_8_WORKERS(SchedulerDeathTest);

// Go: runtime/proc.go checkdead.
TEST_P(SchedulerDeathTest, WhenAllWaitItIsADeadlock) {
    const auto deadlock = [this] {
        Scheduler({.workers = workers()}).run([]() -> Task<void> {
            const Channel<int> ch(0);
            go([ch]() -> Task<void> { co_await ch.recv(); });
            co_await sleep_for(milliseconds(1));
            Mutex mutex;
            const auto guard = co_await mutex.lock();
            const auto never = co_await mutex.lock();
        }());
    };
    EXPECT_DEATH(deadlock(), "all tasks are asleep - deadlock");
}

}  // namespace
}  // namespace mynah::conc
