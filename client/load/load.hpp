// load.hpp -- mynah load: drives an echo server, and measures it.
#pragma once

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/options.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client::load {

/// `stop`: send no more, and report. `abort`: wait for nothing either. `console` must live until it returns; the
/// scheduler must have one worker.
conc::Task<ExitStatus> run_load(Options options, Console* console, conc::Context stop, conc::Context abort);

}  // namespace mynah::client::load
