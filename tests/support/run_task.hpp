// run_task.hpp -- runs a task on a scheduler of its own, and fails the test when it leaves other tasks behind.
#pragma once

#include <ostream>
#include <utility>

#include <gtest/gtest.h>

#include "conc/conc.hpp"

namespace mynah::test {

/// Runs `main` and returns its result. Every task that it started must have ended by then.
template <class T>
T run_task(conc::Options options, conc::Task<T> main) {
    struct NothingLeft {
        conc::Scheduler scheduler;
        ~NothingLeft() {
            for (const conc::TaskInfo& task : scheduler.abandoned()) {
                ADD_FAILURE() << "task " << task.id << " was left behind [" << task.state << "], created at "
                              << task.created_at.file << ':' << task.created_at.line << ", awaits "
                              << (task.awaits.empty() ? "nothing" : task.awaits.front().function);
            }
        }
    };
    NothingLeft run{conc::Scheduler(std::move(options))};
    return run.scheduler.run(std::move(main));
}

}  // namespace mynah::test
