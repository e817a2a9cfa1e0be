// watch.hpp -- mynah watch: what did a rollout, a drain or a failover do to the connections that went through it?
#pragma once

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/watch/options.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client::watch {

/// `stop` ends the sending, `abort` the waiting for what is outstanding as well. `console` must live until it returns;
/// the scheduler must have one worker.
conc::Task<ExitStatus> run_watch(Options options, Console* console, conc::Context stop, conc::Context abort);

}  // namespace mynah::client::watch
