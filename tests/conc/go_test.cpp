#include "conc/go.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

class GoTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(GoTest);

TEST_P(GoTest, TheCallerGoesOnFirst) {
    run(
        []() -> Task<void> {
            bool started = false;
            const Channel<Unit> done(0);
            const std::uint64_t before = task_count();
            go([&]() -> Task<void> {
                started = true;
                co_await done.send(Unit());
            });
            EXPECT_LE(before, task_count());
            co_await done.recv();
            EXPECT_TRUE(started);
            co_await until([] { return task_count() == 1; });
        },
        20);
}

TEST_P(GoTest, CopiesItsArgumentsAndKeepsTheClosure) {
    run(
        []() -> Task<void> {
            const Channel<std::string> out(10);
            {
                const std::string local = "a string that is too long to be stored inside of the object";
                const auto body = [out, local](std::string suffix) -> Task<void> {
                    co_await yield();
                    co_await out.send(local + suffix);
                };
                go(body, " and a suffix");
            }  // the closure and its arguments are gone here; the task has its own
            const auto got = co_await out.recv();
            EXPECT_EQ(got, "a string that is too long to be stored inside of the object and a suffix");
            co_await until([] { return task_count() == 1; });
        },
        50);
}

TEST_P(GoTest, TakesAnyNumberOfArguments) {
    run(
        []() -> Task<void> {
            const Channel<int> sums(10);
            const auto add = [sums](auto... values) -> Task<void> { co_await sums.send((0 + ... + values)); };
            go(add);
            go(add, 1);
            go(add, 1, 2);
            go(add, 1, 2, 3);
            go(add, 1, 2, 3, 4);
            go(add, 1, 2, 3, 4, 5);
            go(add, 1, 2, 3, 4, 5, 6);
            int total = 0;
            for (int i = 0; i < 7; ++i) {
                const auto sum = co_await sums.recv();
                total += *sum;
            }
            EXPECT_EQ(total, 1 + 3 + 6 + 10 + 15 + 21);
            co_await until([] { return task_count() == 1; });
        },
        20);
}

struct Counter {
    internal::Atomic<int> count{0};
    Task<void> add(int by) {
        count += by;
        co_return;
    }
};

TEST_P(GoTest, TakesReferencesMembersAndMoveOnlyArguments) {
    run(
        []() -> Task<void> {
            Counter counter;
            go(&Counter::add, std::ref(counter), 5);
            go([](std::unique_ptr<int> by, Counter& to) -> Task<void> { co_await to.add(*by); },
               std::make_unique<int>(6), std::ref(counter));
            co_await until([] { return task_count() == 1; });
            EXPECT_EQ(counter.count, 11);
        },
        20);
}

TEST_P(GoTest, WhatTheTaskHoldsIsFreedWhenItEnds) {
    run(
        []() -> Task<void> {
            const auto held = std::make_shared<int>(1);
            go([held](std::shared_ptr<int> /*argument*/) -> Task<void> { co_await yield(); }, held);
            co_await until([] { return task_count() == 1; });
            EXPECT_EQ(held.use_count(), 1);
        },
        20);
}

TEST(Go, OutsideOfATaskPanics) {
    EXPECT_THROW(go([]() -> Task<void> { co_return; }), Panic);
}

Task<void> innermost() {
    co_await yield();
    throw std::runtime_error("went wrong");
}

Task<void> outer() {
    co_await innermost();
}

void run_failing_task() {
    Scheduler scheduler({.workers = 2});
    scheduler.run([]() -> Task<void> {
        go(outer);
        co_await sleep_for(std::chrono::hours(1));
    }());
}

// What, and the whole chain of awaits with places, and who started it.
TEST(GoDeathTest, AnUncaughtExceptionEndsTheProgramWithItsAwaitChain) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(run_failing_task(),
                 "panic: uncaught .*runtime_error: went wrong(.|\n)*task [0-9]+ \\[running\\]:\n"
                 ".*innermost(.|\n)*go_test.cpp:[0-9]+\n.*outer(.|\n)*go_test.cpp:[0-9]+\n"
                 "created by (.|\n)*in task 1\n.*go_test.cpp:[0-9]+");
}

TEST(GoDeathTest, AnUncaughtPanicSaysWhatWasMisused) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(test::run_task({.workers = 1},
                                []() -> Task<void> {
                                    const Channel<int> closed(0);
                                    closed.close();
                                    WaitGroup wg;
                                    wg.go([closed]() -> Task<void> { co_await closed.send(1); });
                                    co_await wg.wait();
                                }()),
                 "panic: send on closed channel\n\ntask [0-9]+");
}

TEST(GoDeathTest, SomethingThatIsNoExceptionEndsTheProgramToo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(test::run_task({.workers = 1},
                                []() -> Task<void> {
                                    go([]() -> Task<void> {
                                        co_await yield();
                                        throw 5;  // NOLINT(hicpp-exception-baseclass): what somebody will do one day
                                    });
                                    co_await sleep_for(std::chrono::hours(1));
                                }()),
                 "panic: uncaught exception of an unknown type");
}

}  // namespace
}  // namespace mynah::conc
