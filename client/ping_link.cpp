#include "client/ping_link.hpp"

#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include "client/outstanding_probes.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/go.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client {
namespace {

constexpr std::size_t kWantedProbes = 16;
constexpr std::size_t kEvents = 64;
constexpr std::chrono::milliseconds kShortestConnection(100);

conc::Task<void> connect_into(net::Address address, std::chrono::nanoseconds timeout,
                              conc::Channel<net::Result<net::Stream>> result) {
    auto stream = co_await net::connect(std::move(address), timeout);
    co_await result.send(std::move(stream));
}

/// Closes the stream once the context is cancelled, and so ends all that waits for it.
conc::Task<void> close_when_cancelled(net::Stream* stream, conc::Context ctx) {
    co_await conc::select(ctx.done());
    stream->close();
}

}  // namespace

conc::Task<net::Result<net::Stream>> connect_unless_cancelled(net::Address address, std::chrono::nanoseconds timeout,
                                                              conc::Context ctx) {
    conc::Channel<net::Result<net::Stream>> result(1);
    conc::go(connect_into, std::move(address), timeout, result);
    auto chosen = co_await conc::select(result.recv_case(), ctx.done());
    if (chosen.index() == 1) {
        co_return net::fail(std::errc::operation_canceled);
    }
    co_return std::move(*chosen.get<0>());
}

PingLink::PingLink(PingLinkOptions options, conc::Context ctx)
    : options_(std::move(options)), ctx_(std::move(ctx)), wanted_(kWantedProbes), events_(kEvents) {}

conc::Task<void> PingLink::run(net::Stream first) {
    co_await serve_for_a_while(std::move(first));
    while (!ctx_.err()) {
        auto stream = co_await connect_unless_cancelled(options_.address, options_.timeout, ctx_);
        if (stream) {
            co_await serve_for_a_while(std::move(*stream));
            continue;
        }
        LinkEvent failed = ConnectFailed{stream.error()};
        co_await tell(std::move(failed));
        co_await conc::select(conc::after(options_.retry), ctx_.done());
    }
}

// A peer that accepts and closes at once must not be connected to in a loop without a pause. The pause is short,
// whatever the interval is, so that a peer which closed after a probe is there again for the next.
conc::Task<void> PingLink::serve_for_a_while(net::Stream stream) {
    const conc::TimePoint next = conc::now() + kShortestConnection;
    co_await serve(std::move(stream));
    co_await conc::select(conc::after(next - conc::now()), ctx_.done());
}

conc::Task<void> PingLink::serve(net::Stream stream) {
    // GCC 12 destroys an aggregate that is made inside an await expression twice: each event has a name first.
    LinkEvent up = LinkUp{};
    co_await tell(std::move(up));
    const auto connection = conc::with_cancel(ctx_);
    std::error_code send_error;
    conc::WaitGroup tasks;
    tasks.go(close_when_cancelled, &stream, connection.ctx);
    auto sending = [this, &stream, connection, &send_error] { return send_probes(&stream, connection, &send_error); };
    tasks.go(std::move(sending));
    const std::error_code receive_error = co_await receive_bytes(&stream);
    connection.cancel();
    co_await tasks.wait();
    // Where the sender gave up, the receiver knows only that the stream was closed.
    const bool sender_gave_up = receive_error == std::errc::operation_canceled && send_error;
    LinkEvent down = LinkDown{sender_gave_up ? send_error : receive_error};
    co_await tell(std::move(down));
}

conc::Task<void> PingLink::send_probes(net::Stream* stream, conc::CancelableContext connection,
                                       std::error_code* error) {
    for (;;) {
        auto chosen = co_await conc::select(wanted_.recv_case(), connection.ctx.done());
        if (chosen.index() == 1) {
            co_return;
        }
        Probe probe = make_probe(*chosen.get<0>(), conc::now(), options_.probe_bytes);
        const std::vector<std::byte> bytes = probe.bytes;
        LinkEvent leaving = ProbeSent{std::move(probe)};
        co_await tell(std::move(leaving));
        const auto sent = co_await stream->send_all(bytes, options_.timeout);
        if (!sent) {
            *error = sent.error();
            connection.cancel();
            co_return;
        }
    }
}

/// Until the connection ends; returns why: no error, the peer closed it.
conc::Task<std::error_code> PingLink::receive_bytes(net::Stream* stream) {
    for (;;) {
        const auto lease = co_await stream->receive();
        const ProbeTime now = conc::now();
        if (!lease) {
            co_return lease.error();
        }
        if (lease->empty()) {
            co_return std::error_code();
        }
        const auto bytes = lease->bytes();
        LinkEvent back = BytesBack{.bytes = {bytes.begin(), bytes.end()}, .received_at = now};
        co_await tell(std::move(back));
    }
}

conc::Task<void> PingLink::tell(LinkEvent event) {
    co_await conc::select(events_.send_case(std::move(event)), ctx_.done());
}

}  // namespace mynah::client
