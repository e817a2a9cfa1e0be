#include "client/chat.hpp"

#include <utility>

#include <fmt/format.h>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/conversation.hpp"
#include "client/datagram_conversation.hpp"
#include "client/exit_status.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"

namespace mynah::client {
namespace {

void greet(const ChatOptions& options, const Console& console) {
    if (console.is_interactive()) {
        console.complain(fmt::format("connected to {}; Ctrl-D ends", options.address.to_string()));
    }
}

}  // namespace

conc::Task<ExitStatus> run_chat(ChatOptions options, Console* console) {
    if (options.address.transport() == net::Transport::udp) {
        auto socket = co_await open_datagrams_or_complain(options.address, options.timeout, console);
        if (!socket) {
            co_return ExitStatus::unreachable;
        }
        greet(options, *console);
        DatagramConversation conversation(std::move(*socket), console, options.timeout);
        co_return co_await conversation.run();
    }
    auto stream = co_await connect_or_complain(options.address, options.timeout, console);
    if (!stream) {
        co_return ExitStatus::unreachable;
    }
    greet(options, *console);
    Conversation conversation(std::move(*stream), console, options.timeout);
    co_return co_await conversation.run();
}

}  // namespace mynah::client
