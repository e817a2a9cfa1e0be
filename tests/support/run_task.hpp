// run_task.hpp -- runs a task on a scheduler of its own, and fails the test when it leaves other tasks behind.
#pragma once

#include <utility>

#include "conc/leak_check.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"

namespace mynah::test {

/// LeakCheck::run, for tests without a fixture.
template <class T>
T run_task(conc::Options options, conc::Task<T> main) {
    return conc::LeakCheck::run(std::move(options), std::move(main));
}

}  // namespace mynah::test
