#include "client/send.hpp"

#include <utility>

#include "client/command_line.hpp"
#include "client/connection.hpp"
#include "client/console.hpp"
#include "client/datagram_exchange.hpp"
#include "client/exit_status.hpp"
#include "client/source.hpp"
#include "client/transfer.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"

namespace mynah::client {
namespace {

conc::Task<ExitStatus> send_datagrams(SendOptions options, Console* console) {
    auto socket = co_await open_datagrams_or_complain(options.address, options.timeout, console);
    if (!socket) {
        co_return ExitStatus::unreachable;
    }
    const DatagramExchangeOptions exchange_options{.target = socket->peer().to_string(),
                                                   .timeout = options.timeout,
                                                   .datagram_bytes = options.datagram_bytes,
                                                   .is_text = options.text.has_value()};
    Source source(std::move(options.text), &console->input());
    DatagramExchange exchange(std::move(*socket), std::move(source), console, exchange_options);
    co_return co_await exchange.run();
}

}  // namespace

conc::Task<ExitStatus> run_send(SendOptions options, Console* console) {
    if (options.address.transport() == net::Transport::udp) {
        co_return co_await send_datagrams(std::move(options), console);
    }
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
