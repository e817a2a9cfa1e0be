#include "tests/client/datagram_peer.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "tests/client/peer.hpp"

namespace mynah::client::testing_support {
namespace {

net::DatagramSocket bound() {
    auto socket = net::DatagramSocket::bind(*net::Address::parse("udp://127.0.0.1:0"));
    EXPECT_TRUE(socket) << socket.error().message();
    return socket ? std::move(*socket) : net::DatagramSocket();
}

conc::Task<void> answer_all(DatagramPeer peer, Responder respond) {
    for (std::size_t number = 1;;) {
        const auto received = co_await peer.socket->receive();
        if (!received) {
            co_return;
        }
        for (std::size_t i = 0; i < received->size(); ++i) {
            const std::vector<std::string> texts = respond(number++, std::string(received->text(i)));
            net::DatagramBatch batch;
            for (const std::string& text : texts) {
                EXPECT_TRUE(batch.add(std::as_bytes(std::span(text)), received->peer(i)));
            }
            if (!batch.empty()) {
                const auto sent = co_await peer.socket->send(batch);
                EXPECT_TRUE(sent.all()) << sent.error.message();
            }
        }
    }
}

conc::Task<ExitStatus> run_with_server(const DatagramBehaviour* behaviour, const CommandUnderTest* command,
                                       Console* console) {
    net::DatagramSocket socket = bound();
    net::DatagramSocket elsewhere = bound();
    const net::Address address = socket.local();
    const auto scope = conc::with_cancel(conc::Context::background());
    conc::WaitGroup tasks;
    const DatagramPeer peer{.socket = &socket, .elsewhere = &elsewhere, .over = scope.ctx};
    tasks.go(*behaviour, peer);
    const ExitStatus status = co_await (*command)(address, console);
    scope.cancel();
    socket.interrupt();
    co_await tasks.wait();
    co_return status;
}

}  // namespace

DatagramBehaviour answering(Responder respond) {
    return [respond](DatagramPeer peer) { return answer_all(std::move(peer), respond); };
}

std::vector<std::string> same(std::size_t, const std::string& text) {
    return {text};
}

Outcome run_against_datagrams(std::size_t workers, DatagramBehaviour behaviour, CommandUnderTest command, Plugs plugs) {
    return run_with_console(workers, plugs,
                            [&](Console* console) { return run_with_server(&behaviour, &command, console); });
}

Outcome run_against_no_datagrams(std::size_t workers, CommandUnderTest command, Plugs plugs) {
    return run_with_console(workers, plugs, [&](Console* console) {
        // A port that was free a moment ago, and is nobody's now.
        return command(bound().local(), console);
    });
}

}  // namespace mynah::client::testing_support
