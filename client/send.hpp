// send.hpp -- mynah send: sends a text or standard input, prints what comes back, and compares.
#pragma once

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"

namespace mynah::client {

/// `console` must live until it returns.
conc::Task<ExitStatus> run_send(SendOptions options, Console* console);

}  // namespace mynah::client
