#include "client/chat.hpp"

#include <utility>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/conversation.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"

namespace mynah::client {

conc::Task<ExitStatus> run_chat(ChatOptions options, Console* console) {
    auto stream = co_await connect_or_complain(options.address, options.timeout, console);
    if (!stream) {
        co_return ExitStatus::unreachable;
    }
    if (console->is_interactive()) {
        console->complain(fmt::format("connected to {}; Ctrl-D ends", options.address.to_string()));
    }
    Conversation conversation(std::move(*stream), console, options.timeout);
    co_return co_await conversation.run();
}

}  // namespace mynah::client
