// scheduling.hpp -- runs one scenario under every kind of scheduling.
//
// A test that is TEST_P of a ScheduledTest runs on 1, 2 and 4 workers, and as a seeded simulation, where a few hundred
// seeds each draw another order of events. The scenario is a function that returns a Task<void>; it makes all its state
// itself, since it runs many times. What it leaves behind fails the test.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {

struct Scheduling {
    const char* name;
    std::size_t workers;  // 0: simulated
};

inline constexpr std::array kEveryScheduling = {
    Scheduling{.name = "workers_1", .workers = 1},
    Scheduling{.name = "workers_2", .workers = 2},
    Scheduling{.name = "workers_4", .workers = 4},
    Scheduling{.name = "seeds", .workers = 0},
};

class ScheduledTest : public testing::TestWithParam<Scheduling> {
  protected:
    static constexpr std::uint64_t kSeeds = 300;

    bool simulated() const { return GetParam().workers == 0; }

    /// Runs the scenario once on real workers, or once for each seed.
    template <class Scenario>
    void run(Scenario scenario, std::uint64_t seeds = kSeeds) {
        if (!simulated()) {
            test::run_task({.workers = GetParam().workers}, scenario());
            return;
        }
        for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
            SCOPED_TRACE("seed " + std::to_string(seed));
            test::run_task({.workers = static_cast<std::size_t>(1 + seed % 4), .seed = seed}, scenario());
        }
    }

    /// How often a scenario should repeat something: often where threads race, once where the seeds vary it.
    int rounds(int on_workers) const { return simulated() ? 1 : on_workers; }
};

inline std::string scheduling_name(const testing::TestParamInfo<Scheduling>& info) {
    return info.param.name;
}

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): GoogleTest registers with macros
#define MYNAH_UNDER_EVERY_SCHEDULING(suite) \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(kEveryScheduling), scheduling_name)

/// For what only real threads can show: runs the scenario on 1, 2 and 4 workers.
template <class Scenario>
void on_real_workers(Scenario scenario) {
    for (const Scheduling& how : kEveryScheduling) {
        if (how.workers != 0) {
            SCOPED_TRACE(how.name);
            test::run_task({.workers = how.workers}, scenario());
        }
    }
}

/// Returns once the condition holds. Sleeps in between, so that virtual time goes on as well, and at least for as long
/// as the look took, so that looking never takes most of the time.
template <class Condition>
Task<void> until(Condition condition) {
    for (;;) {
        const auto start = now();
        if (condition()) {
            break;
        }
        co_await sleep_for(std::max<Duration>(std::chrono::microseconds(50), now() - start));
    }
}

/// How many tasks are in `state`, in the words of a dump.
inline std::size_t tasks_in(std::string_view state) {
    const std::vector<TaskInfo> all = tasks();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [state](const TaskInfo& task) { return task.state == state; }));
}

/// Returns once `count` tasks wait in `state`.
inline Task<void> until_parked(std::string state, std::size_t count = 1) {
    return until([state = std::move(state), count] { return tasks_in(state) == count; });
}

}  // namespace mynah::conc
