// chat.hpp -- mynah chat: a conversation, line by line.
#pragma once

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"

namespace mynah::client {

/// `console` must live until it returns.
conc::Task<ExitStatus> run_chat(ChatOptions options, Console* console);

}  // namespace mynah::client
