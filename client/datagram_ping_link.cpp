#include "client/datagram_ping_link.hpp"

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include "client/datagram_probes.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping_link.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"

namespace mynah::client {

DatagramPingLink::DatagramPingLink(PingLinkOptions options, std::uint32_t run, net::DatagramSocket socket,
                                   conc::Context ctx)
    : PingLink(std::move(ctx)), options_(std::move(options)), run_(run), socket_(std::move(socket)) {}

conc::Task<void> DatagramPingLink::run() {
    LinkEvent up = LinkUp{};
    co_await tell(std::move(up));
    conc::WaitGroup tasks;
    auto closing = [this] { return close_when_cancelled(); };
    tasks.go(std::move(closing));
    auto sending = [this] { return send_probes(); };
    tasks.go(std::move(sending));
    co_await receive_replies();
    co_await tasks.wait();
}

conc::Task<void> DatagramPingLink::close_when_cancelled() {
    co_await conc::select(ctx().done());
    socket_.close();
}

conc::Task<void> DatagramPingLink::send_probes() {
    for (;;) {
        auto chosen = co_await conc::select(wanted().recv_case(), ctx().done());
        if (chosen.index() == 1) {
            co_return;
        }
        co_await send_probe(*chosen.get<0>());
    }
}

conc::Task<void> DatagramPingLink::send_probe(std::uint64_t sequence) {
    Probe probe = make_datagram_probe(run_, sequence, conc::now(), options_.probe_bytes);
    const std::vector<std::byte> bytes = probe.bytes;
    LinkEvent leaving = ProbeSent{std::move(probe)};
    co_await tell(std::move(leaving));
    net::DatagramsSent sent;
    do {
        net::DatagramBatch batch;
        (void)batch.add(bytes);
        sent = co_await socket_.send(batch, options_.timeout);
        if (sent.all()) {
            co_return;
        }
        LinkEvent refused = Refused{sent.error};
        co_await tell(std::move(refused));
        // This error was an earlier probe's, and it is gone once it has been told; ours has not left.
    } while (sent.error == std::errc::connection_refused);
}

/// Until the socket is closed.
conc::Task<void> DatagramPingLink::receive_replies() {
    for (;;) {
        const auto batch = co_await socket_.receive();
        const ProbeTime now = conc::now();
        if (!batch) {
            if (batch.error() == std::errc::operation_canceled) {
                co_return;
            }
            LinkEvent refused = Refused{batch.error()};
            co_await tell(std::move(refused));
            if (batch.error() != std::errc::connection_refused) {
                co_await conc::select(conc::after(options_.retry), ctx().done());  // it may be there to stay
            }
            continue;
        }
        for (std::size_t i = 0; i < batch->size(); ++i) {
            const auto bytes = batch->bytes(i);
            LinkEvent back = BytesBack{.bytes = {bytes.begin(), bytes.end()}, .received_at = now};
            co_await tell(std::move(back));
        }
    }
}

}  // namespace mynah::client
