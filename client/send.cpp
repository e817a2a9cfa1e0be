#include "client/send.hpp"

#include <utility>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "client/transfer.hpp"
#include "conc/task.hpp"

namespace mynah::client {

conc::Task<ExitStatus> run_send(SendOptions options, Console* console) {
    auto stream = co_await connect_or_complain(options.address, options.timeout, console);
    if (!stream) {
        co_return ExitStatus::unreachable;
    }
    const TransferOptions transfer_options{.timeout = options.timeout, .ends_line = options.text.has_value()};
    Source source(std::move(options.text), &console->input());
    Transfer transfer(std::move(*stream), std::move(source), console, transfer_options);
    co_return co_await transfer.run();
}

}  // namespace mynah::client
