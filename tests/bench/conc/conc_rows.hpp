// conc_rows.hpp -- our side of conc_bench: each row's program is a task, run by a scheduler with two workers.
#pragma once

#include <cstddef>
#include <vector>

#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "tests/bench/conc/row.hpp"

namespace mynah::bench {

inline constexpr std::size_t kWorkers = 2;

/// Runs a number of operations and says how long they took, set-up not counted.
using Program = conc::Task<Measurement> (*)(std::size_t operations);

template <Program program>
conc::Task<Measurement> warm_up_and_run(std::size_t operations, std::size_t warm_up) {
    if (warm_up > 0) {
        co_await program(warm_up);
    }
    co_return co_await program(operations);
}

template <Program program>
Row row(const char* name) {
    return {.name = name, .measure = [](std::size_t operations, std::size_t warm_up) {
                conc::Scheduler scheduler({.workers = kWorkers});
                return scheduler.run(warm_up_and_run<program>(operations, warm_up));
            }};
}

// One file each.
std::vector<Row> channel_rows();
std::vector<Row> task_rows();
std::vector<Row> sync_rows();
std::vector<Row> map_rows();

}  // namespace mynah::bench
