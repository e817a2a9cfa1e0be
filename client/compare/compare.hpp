// compare.hpp -- the command `mynah compare`: is the second report worse than the first?
#pragma once

#include "client/compare/options.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"

namespace mynah::client::compare {

/// Ends with `verified` where nothing is worse, `mismatch` where something is, `usage` where files cannot be compared.
conc::Task<ExitStatus> run_compare(Options options, Console* console);

}  // namespace mynah::client::compare
