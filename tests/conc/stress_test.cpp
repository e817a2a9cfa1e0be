// Races that only many rounds find: real threads, no simulation.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <time.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using internal::Random;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// What went into the channels and came out of them.
struct Totals {
    Atomic<std::uint64_t> values{0};
    Atomic<std::uint64_t> sum{0};

    void count(std::uint64_t value) {
        values.fetch_add(1);
        sum.fetch_add(value);
    }
};

constexpr int kOperations = 3000;

/// Sends on channels chosen at random, in all the ways there are.
Task<void> send_at_random(std::span<const Channel<std::uint64_t>> channels, Totals* sent, std::uint64_t seed) {
    Random random(seed);
    const auto any = [&random, channels] {
        return channels[random.below(static_cast<std::uint32_t>(channels.size()))];
    };
    for (int i = 0; i < kOperations; ++i) {
        const std::uint64_t value = random.next() >> 32U;
        const auto way = random.below(5);
        bool taken = true;
        if (way == 0) {
            co_await any().send(value);
        } else if (way == 1) {
            taken = any().try_send(value);
        } else if (way == 2) {
            const auto s = co_await select(any().send_case(value), any().send_case(value), after(microseconds(3)));
            taken = s.index() != 2;
        } else if (way == 3) {
            taken = try_select(any().send_case(value), any().send_case(value)).index() != no_case;
        } else {
            std::vector<Case> cases;
            for (const auto& each : channels) {
                cases.emplace_back(each.send_case(value));
            }
            co_await select(std::span<Case>(cases));
        }
        if (taken) {
            sent->count(value);
        }
    }
}

/// Receives from channels chosen at random until `stop` is closed.
Task<void> receive_at_random(std::span<const Channel<std::uint64_t>> channels, Channel<Unit> stop, Totals* received,
                             std::uint64_t seed) {
    Random random(seed);
    const auto any = [&random, channels] {
        return channels[random.below(static_cast<std::uint32_t>(channels.size()))];
    };
    for (bool more = true; more;) {
        if (random.below(3) == 0) {
            if (const auto value = any().try_recv(); value) {
                received->count(*value);
            }
            co_await yield();
            continue;
        }
        auto s = co_await select(any().recv_case(), any().recv_case(), after(microseconds(20)), stop.recv_case());
        for (const auto& value : {s.get<0>(), s.get<1>()}) {
            if (value) {
                received->count(*value);
            }
        }
        more = s.index() != 3;
    }
}

TEST(Stress, RandomSendersReceiversAndSelectsBalance) {
    on_real_workers([]() -> Task<void> {
        std::vector<Channel<std::uint64_t>> channels;
        for (std::size_t capacity = 0; capacity < 6; ++capacity) {
            channels.emplace_back(capacity);
        }
        const Channel<Unit> stop(0);
        Totals sent;
        Totals received;
        WaitGroup senders;
        WaitGroup receivers;
        const std::span<const Channel<std::uint64_t>> all(channels);
        for (std::uint64_t i = 0; i < 6; ++i) {
            senders.go(send_at_random, all, &sent, i);
            receivers.go(receive_at_random, all, stop, &received, i + 100);
        }
        co_await senders.wait();
        stop.close();
        co_await receivers.wait();
        for (const auto& each : channels) {
            each.close();
            while (const auto value = co_await each.recv()) {
                received.count(*value);
            }
        }
        EXPECT_GT(sent.values.load(), 0U);
        EXPECT_EQ(sent.values.load(), received.values.load());
        EXPECT_EQ(sent.sum.load(), received.sum.load());
    });
}

// tokio 1788: a wake-up between a worker's last look and its sleep. Each round trip ends with a pause, so that workers
// go to sleep at every moment of it.
TEST(Stress, NoWakeUpIsLostBetweenIdleWorkers) {
    on_real_workers([]() -> Task<void> {
        constexpr int kRounds = 2000;
        WaitGroup wg;
        for (int pair = 0; pair < 2; ++pair) {
            const Channel<int> there(0);
            const Channel<int> back(0);
            wg.go([there, back]() -> Task<void> {
                for (int i = 0; i < kRounds; ++i) {
                    co_await there.send(i);
                    const auto value = co_await back.recv();
                    EXPECT_EQ(value, i);
                    if (i % 3 == 0) {
                        co_await sleep_for(microseconds(i % 29));
                    }
                }
                there.close();
            });
            wg.go([there, back]() -> Task<void> {
                while (const auto value = co_await there.recv()) {
                    if (*value % 5 == 0) {
                        co_await sleep_for(microseconds(*value % 31));
                    }
                    co_await back.send(*value);
                }
            });
        }
        co_await wg.wait();
    });
}

// A task made ready by a thread that is no worker, at the moment when the worker wakes for a timer or goes to sleep.
// The timers are far apart, so that a lost wake-up shows as a hang.
TEST(Stress, NoWakeUpFromOutsideIsLost) {
    on_real_workers([]() -> Task<void> {
        WaitGroup wg;
        for (int i = 0; i < 4; ++i) {
            wg.go([i]() -> Task<void> {
                Random random(static_cast<std::uint64_t>(i));
                for (int k = 0; k < 1500; ++k) {
                    const auto spin = random.below(60);
                    const auto call = [spin] {
                        for (std::uint32_t turn = 0; turn < spin * 10; ++turn) {
                            internal::cpu_relax();
                        }
                    };
                    co_await blocking(call);
                    if (i == 0 && k % 4 == 0) {
                        co_await sleep_for(microseconds(random.below(40)));
                    }
                }
            });
        }
        co_await wg.wait();
    });
}

// A thread of the program's own sends and closes. The scheduler does not know it, so a timer stays pending meanwhile.
TEST(Stress, AThreadOfTheProgramMaySendAndClose) {
    on_real_workers([]() -> Task<void> {
        for (int round = 0; round < 20; ++round) {
            const Channel<int> ch(4);
            std::thread sender([ch] {
                for (int i = 0; i < 500;) {
                    if (ch.try_send(i)) {
                        ++i;
                    } else {
                        std::this_thread::yield();
                    }
                }
                ch.close();
            });
            int expected = 0;
            for (bool open = true; open;) {
                auto s = co_await select(ch.recv_case(), after(hours(1)));
                open = s.get<0>().has_value();
                if (open) {
                    EXPECT_EQ(s.get<0>(), expected++);
                }
            }
            EXPECT_EQ(expected, 500);
            sender.join();
        }
    });
}

TEST(Stress, AThreadOfTheProgramMayReceive) {
    on_real_workers([]() -> Task<void> {
        const Channel<int> ch(2);
        int sum = 0;
        std::thread receiver([ch, &sum] {
            for (;;) {
                const auto value = ch.try_recv();
                if (value) {
                    sum += *value;
                } else if (value.error() == RecvError::closed) {
                    break;
                } else {
                    std::this_thread::yield();
                }
            }
        });
        for (int i = 1; i <= 5000; ++i) {
            auto s = co_await select(ch.send_case(i), after(hours(1)));
            EXPECT_EQ(s.index(), 0U);
        }
        ch.close();
        receiver.join();
        EXPECT_EQ(sum, 5000 * 5001 / 2);
    });
}

// Timers armed, fired and given up on all workers at once, among them those of contexts.
TEST(Stress, TimersOfAllKindsFireOrAreGivenUp) {
    on_real_workers([]() -> Task<void> {
        WaitGroup wg;
        for (std::uint64_t seed = 0; seed < 16; ++seed) {
            wg.go([seed]() -> Task<void> {
                Random random(seed);
                for (int i = 0; i < 200; ++i) {
                    const auto [parent, cancel] = with_timeout(Context::background(), microseconds(random.below(150)));
                    const auto [child, cancel_child] = with_timeout(parent, microseconds(random.below(150)));
                    go([stop = cancel, wait = microseconds(random.below(150))]() -> Task<void> {
                        co_await sleep_for(wait);
                        stop();
                    });
                    const auto s = co_await select(child.done(), after(microseconds(random.below(100))));
                    EXPECT_TRUE(s.index() == 1 || child.err());
                }
            });
        }
        co_await wg.wait();
        co_await until([] { return task_count() == 1; });
    });
}

// What a sanitizer adds to every access drowns how the work grows, and takes minutes.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define MYNAH_TEST_WITHOUT_GROWTH 1
#endif
#endif

#if !defined(MYNAH_TEST_WITHOUT_GROWTH)
/// The processor time that the calling thread has used.
Duration thread_time() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Task<Duration> leave_a_long_queue(int waiters) {
    const Channel<int> common(0);
    std::vector<Channel<int>> own;
    WaitGroup wg;
    for (int i = 0; i < waiters; ++i) {
        own.emplace_back(0);
        wg.go([common, mine = own.back()]() -> Task<void> {
            auto s = co_await select(common.recv_case(), mine.recv_case());
            EXPECT_EQ(s.index(), 1U);
        });
    }
    co_await until_parked("select", static_cast<std::size_t>(waiters));
    const Duration start = thread_time();
    Random random(1);
    while (!own.empty()) {
        std::swap(own.back(), own[random.below(static_cast<std::uint32_t>(own.size()))]);
        co_await own.back().send(1);
        own.pop_back();
    }
    co_await wg.wait();
    co_return thread_time() - start;
}

Task<Duration> close_with_waiters(int waiters) {
    const Channel<int> ch(0);
    WaitGroup wg;
    for (int i = 0; i < waiters; ++i) {
        wg.go([ch]() -> Task<void> { co_await ch.recv(); });
    }
    co_await until_parked("chan receive", static_cast<std::size_t>(waiters));
    const Duration start = thread_time();
    ch.close();
    co_await wg.wait();
    co_return thread_time() - start;
}

/// How much longer ten times as many waiters take, at best.
double growth(Task<Duration> (*work)(int)) {
    double best = 1e9;
    for (int attempt = 0; attempt < 5 && best > 60; ++attempt) {
        const Duration few = test::run_task({.workers = 1}, work(3000));
        const Duration many = test::run_task({.workers = 1}, work(30'000));
        best = std::min(best, static_cast<double>(many.count()) / static_cast<double>(few.count()));
    }
    return best;
}

// test/chanlinear.go: who leaves the queue of a channel does not walk along it. Ten times the waiters take ten times as
// long, or some more where the caches get small; with a walk it would be hundreds of times.
TEST(Stress, ALostCaseLeavesItsQueueInConstantTime) {
    EXPECT_LE(growth(leave_a_long_queue), 60);
}

TEST(Stress, CloseIsLinearInItsWaiters) {
    EXPECT_LE(growth(close_with_waiters), 60);
}

Task<Duration> reset_often(Timer* timer) {
    const auto start = Clock::now();
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_TRUE(timer->reset(hours(1) + microseconds(i)));
    }
    co_return Clock::now() - start;
}

/// How much longer a reset takes where a million other timers are armed, of which none may fire early.
Task<double> cost_of_a_million_armed() {
    Timer reset(hours(1));
    const Duration alone = co_await reset_often(&reset);
    std::vector<Timer> others;
    for (int i = 0; i < 1'000'000; ++i) {
        others.emplace_back(hours(1) + microseconds(i));
    }
    const Duration among_others = co_await reset_often(&reset);
    co_await sleep_for(milliseconds(1));  // fires among them
    for (Timer& timer : others) {
        EXPECT_TRUE(timer.stop());
    }
    co_return static_cast<double>(among_others.count()) / static_cast<double>(alone.count());
}

// A look at all the others would take some ten thousand times as long.
TEST(Stress, AMillionArmedTimersStayCheap) {
    double best = 1e9;
    for (int attempt = 0; attempt < 5 && best > 60; ++attempt) {
        best = std::min(best, test::run_task({.workers = 1}, cost_of_a_million_armed()));
    }
    EXPECT_LE(best, 60);
}
#endif

}  // namespace
}  // namespace mynah::conc
