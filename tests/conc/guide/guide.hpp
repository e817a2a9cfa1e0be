// guide.hpp -- what the sections of conc/FOR_GO_PROGRAMMERS.md share: each runs on real workers and as a simulation.
#pragma once

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace guide {

/// Runs what the lambda `section` returns, a Task<>; it makes all its state itself, since it runs twice.
template <class Section>
void run(Section section) {
    mynah::test::run_task({.workers = 2}, section());
    mynah::test::run_task({.workers = 2, .seed = 1}, section());
}

}  // namespace guide
