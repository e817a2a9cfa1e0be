// fixture.hpp -- runs the acceptance suite: what Go's own tests check of Go, checked of conc.
//
// A test is a TEST_P of a GoTest, and runs on 1, 2 and 8 workers. The line above it names Go's test, or the report of a
// mistake that others made. The body is a function that returns the main task; it makes all its state itself.
//
// MYNAH_STRESS=N runs each body N times, to find the race that one run misses:
//
//     MYNAH_STRESS=100 build/release/bin/tests/mynah_conc_go_tests --gtest_filter='Go/SelectTest.*'
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// How often to do something: fewer times where a sanitizer slows everything down.
constexpr int scaled(int count) {
    return kSanitized ? std::max(1, count / 10) : count;
}

class GoTest : public testing::TestWithParam<std::size_t> {
  protected:
    std::size_t workers() const { return GetParam(); }

    /// Runs the main task that `make_main` returns. Every task it started must end, soon after it at the latest.
    template <class Main>
    void run(Main make_main) {
        repeat([&] { test::run_task({.workers = workers()}, and_the_others(make_main())); });
    }

    /// The same in virtual time, where a moment is exact and nothing takes any; with a few seeds.
    template <class Main>
    void run_in_virtual_time(Main make_main) {
        std::uint64_t seed = 0;
        repeat([&] {
            for (int i = 0; i < 5; ++i) {
                test::run_task({.workers = workers(), .seed = ++seed}, and_the_others(make_main()));
            }
        });
    }

    /// For a program whose main returns while others still wait or run: they are destroyed with the run.
    template <class Main>
    void run_and_abandon_others(Main make_main) {
        repeat([&] {
            Scheduler scheduler({.workers = workers()});
            scheduler.run(make_main());
            EXPECT_FALSE(scheduler.abandoned().empty());
            EXPECT_EQ(scheduler.task_count(), 0U);
        });
    }

    /// Calls `body` as often as MYNAH_STRESS says, until it fails.
    template <class Body>
    void repeat(Body body) {
        const int times = stress();
        for (int i = 0; i < times && !HasFailure(); ++i) {
            body();
        }
    }

  private:
    static int stress() {
        const char* text = std::getenv("MYNAH_STRESS");
        if (text == nullptr) {
            return 1;
        }
        const std::string_view digits(text);
        int times = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), times);
        return std::max(1, times);
    }

    /// Runs `main`, then waits until it is alone. Gives up after a while, and run_task names who is left.
    static Task<void> and_the_others(Task<void> main) {
        co_await main;
        const TimePoint patience = now() + std::chrono::seconds(10);
        while (task_count() > 1 && now() < patience) {
            co_await sleep_for(std::chrono::microseconds(20));
        }
    }
};

/// The panic that `task` ends with; empty where it ends without one.
inline Task<std::string> panic_of(Task<void> task) {
    std::string message;
    try {
        co_await task;
    } catch (const Panic& panic) {
        message = panic.what();
    }
    co_return message;
}

inline std::string workers_name(const testing::TestParamInfo<std::size_t>& how) {
    return "workers_" + std::to_string(how.param);
}

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): GoogleTest registers with macros
#define MYNAH_ON_1_2_AND_8_WORKERS(suite) INSTANTIATE_TEST_SUITE_P(Go, suite, testing::Values(1U, 2U, 8U), workers_name)

}  // namespace mynah::conc
