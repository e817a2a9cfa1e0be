// ping.hpp -- mynah ping: measures round trips.
#pragma once

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client {

/// Until -c probes are settled, or until `interrupted` is cancelled. `console` must live until it returns.
conc::Task<ExitStatus> run_ping(PingOptions options, Console* console, conc::Context interrupted);

}  // namespace mynah::client
