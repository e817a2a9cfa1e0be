// Cond: Go's sync/cond_test.go.
#include <concepts>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/go/fixture.hpp"

namespace mynah::conc {
namespace {

class CondTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(CondTest);

/// A condition, its mutex, and the channels on which the tasks that wait tell of themselves.
struct Waiters {
    explicit Waiters(std::size_t count) : running(count), awake(count) {}

    Mutex mutex;
    Cond cond{mutex};
    Channel<int> running;
    Channel<int> awake;
};

Task<void> wait_once(Waiters* waiters, int self) {
    auto guard = co_await waiters->mutex.lock();
    co_await waiters->running.send(self);
    co_await waiters->cond.wait(guard);
    co_await waiters->awake.send(self);
}

/// With the mutex held, as Go's tests do: who runs says so with the mutex held, so it waits by now.
Task<void> signal(Waiters* waiters) {
    const auto guard = co_await waiters->mutex.lock();
    waiters->cond.signal();
}

// Go: sync/cond_test.go TestCondSignal.
TEST_P(CondTest, CondSignal) {
    run([]() -> Task<void> {
        constexpr int kWaiters = 5;
        Waiters waiters(kWaiters);
        WaitGroup wg;
        for (int i = 0; i < kWaiters; ++i) {
            wg.go(wait_once, &waiters, i);
        }
        for (int i = 0; i < kWaiters; ++i) {
            co_await waiters.running.recv();
        }
        for (int i = 0; i < kWaiters; ++i) {
            EXPECT_FALSE(waiters.awake.try_recv()) << "a task is not asleep";
            co_await signal(&waiters);
            co_await waiters.awake.recv();
            EXPECT_FALSE(waiters.awake.try_recv()) << "a signal woke more than one";
        }
        waiters.cond.signal();
        co_await wg.wait();
    });
}

// Go: sync/cond_test.go TestCondSignalGenerations.
TEST_P(CondTest, CondSignalGenerations) {
    run([]() -> Task<void> {
        constexpr int kWaiters = 100;
        Waiters waiters(kWaiters);
        WaitGroup wg;
        for (int i = 0; i < kWaiters; ++i) {
            wg.go(wait_once, &waiters, i);
            if (i > 0) {
                const auto woken = co_await waiters.awake.recv();
                EXPECT_EQ(woken, i - 1);
            }
            co_await waiters.running.recv();
            co_await signal(&waiters);
        }
        co_await wg.wait();
    });
}

// Go: sync.Cond.Signal: among those who wait, in order of arrival.
TEST_P(CondTest, SignalWakesInOrderOfArrival) {
    run([]() -> Task<void> {
        constexpr int kWaiters = 20;
        Waiters waiters(kWaiters);
        WaitGroup wg;
        for (int i = 0; i < kWaiters; ++i) {
            wg.go(wait_once, &waiters, i);
            co_await waiters.running.recv();
        }
        for (int i = 0; i < kWaiters; ++i) {
            co_await signal(&waiters);
        }
        for (int i = 0; i < kWaiters; ++i) {
            const auto woken = co_await waiters.awake.recv();
            EXPECT_EQ(woken, i);
        }
        co_await wg.wait();
    });
}

Task<void> wait_until_exit(Waiters* waiters, const bool* exit, int self) {
    auto guard = co_await waiters->mutex.lock();
    while (!*exit) {
        co_await waiters->running.send(self);
        co_await waiters->cond.wait(guard);
        co_await waiters->awake.send(self);
    }
}

// Go: sync/cond_test.go TestCondBroadcast.
TEST_P(CondTest, CondBroadcast) {
    run([]() -> Task<void> {
        constexpr int kWaiters = 50;
        const int rounds = scaled(50);
        Waiters waiters(kWaiters);
        bool exit = false;
        WaitGroup wg;
        for (int i = 0; i < kWaiters; ++i) {
            wg.go(wait_until_exit, &waiters, &exit, i);
        }
        for (int round = 1; round <= rounds; ++round) {
            for (int i = 0; i < kWaiters; ++i) {
                co_await waiters.running.recv();
            }
            {
                const auto guard = co_await waiters.mutex.lock();
                exit = round == rounds;
                EXPECT_FALSE(waiters.awake.try_recv()) << "a task is not asleep";
                waiters.cond.broadcast();
            }
            std::vector<int> woken(kWaiters, 0);
            for (int i = 0; i < kWaiters; ++i) {
                const auto who = co_await waiters.awake.recv();
                ++woken[static_cast<std::size_t>(*who)];
            }
            EXPECT_EQ(woken, std::vector<int>(kWaiters, 1));
        }
        co_await wg.wait();
        EXPECT_FALSE(waiters.running.try_recv()) << "a task went on";
        waiters.cond.broadcast();
    });
}

// Go: sync/cond_test.go TestRace. A signal wakes who waited when it was given; whoever comes later finds the value.
TEST_P(CondTest, Race) {
    run([]() -> Task<void> {
        Mutex mutex;
        Cond cond(mutex);
        int stage = 0;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto guard = co_await mutex.lock();
            stage = 1;
            co_await cond.wait(guard);
            EXPECT_EQ(stage, 2);
            stage = 3;
            cond.signal();
        });
        wg.go([&]() -> Task<void> {
            for (bool seen = false; !seen; co_await yield()) {
                const auto guard = co_await mutex.lock();
                seen = stage == 1;
                if (seen) {
                    stage = 2;
                    cond.signal();
                }
            }
        });
        wg.go([&]() -> Task<void> {
            for (bool seen = false; !seen; co_await yield()) {
                auto guard = co_await mutex.lock();
                if (stage == 2) {
                    co_await cond.wait(guard);
                    EXPECT_EQ(stage, 3);
                }
                seen = stage == 3;
            }
        });
        co_await wg.wait();
        EXPECT_EQ(stage, 3);
    });
}

// Go: sync/cond_test.go TestCondSignalStealing. A waiter that comes beside a broadcast takes it from nobody.
TEST_P(CondTest, CondSignalStealing) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(300); ++round) {
            Waiters waiters(1);
            WaitGroup wg;
            wg.go(wait_once, &waiters, 1);
            co_await waiters.running.recv();
            {
                const auto guard = co_await waiters.mutex.lock();
            }
            bool done = false;
            wg.go([&]() -> Task<void> {
                waiters.cond.broadcast();
                co_return;
            });
            wg.go([&]() -> Task<void> {
                auto guard = co_await waiters.mutex.lock();
                while (!done) {
                    co_await waiters.cond.wait(guard);
                }
            });
            const auto first = co_await waiters.awake.recv();
            EXPECT_EQ(first, 1);
            {
                const auto guard = co_await waiters.mutex.lock();
                done = true;
            }
            waiters.cond.broadcast();
            co_await wg.wait();
        }
    });
}

// Go: sync/cond_test.go TestCondCopy. It cannot be written.
static_assert(!std::copyable<Cond> && !std::movable<Cond>);

}  // namespace
}  // namespace mynah::conc
