#include "client/stream_ping_link.hpp"

#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include "client/connection.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping_link.hpp"
#include "client/stream_probes.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/stream.hpp"

namespace mynah::client {
namespace {

constexpr std::chrono::milliseconds kShortestConnection(100);

/// Closes the stream once the context is cancelled, and so ends all that waits for it.
conc::Task<void> close_when_cancelled(net::Stream* stream, conc::Context ctx) {
    co_await conc::select(ctx.done());
    stream->close();
}

}  // namespace

StreamPingLink::StreamPingLink(PingLinkOptions options, net::Stream first, conc::Context ctx)
    : PingLink(std::move(ctx)), options_(std::move(options)), first_(std::move(first)) {}

conc::Task<void> StreamPingLink::run() {
    co_await serve_for_a_while(std::move(first_));
    while (!ctx().err()) {
        auto stream = co_await connect_unless_cancelled(options_.address, options_.timeout, ctx());
        if (stream) {
            co_await serve_for_a_while(std::move(*stream));
            continue;
        }
        LinkEvent failed = ConnectFailed{stream.error()};
        co_await tell(std::move(failed));
        co_await conc::select(conc::after(options_.retry), ctx().done());
    }
}

// A peer that accepts and closes at once must not be connected to in a loop without a pause. The pause is short,
// whatever the interval is, so that a peer which closed after a probe is there again for the next.
conc::Task<void> StreamPingLink::serve_for_a_while(net::Stream stream) {
    const conc::TimePoint next = conc::now() + kShortestConnection;
    co_await serve(std::move(stream));
    co_await conc::select(conc::after(next - conc::now()), ctx().done());
}

conc::Task<void> StreamPingLink::serve(net::Stream stream) {
    // GCC 12 destroys an aggregate that is made inside an await expression twice: each event has a name first.
    LinkEvent up = LinkUp{};
    co_await tell(std::move(up));
    const auto connection = conc::with_cancel(ctx());
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

conc::Task<void> StreamPingLink::send_probes(net::Stream* stream, conc::CancelableContext connection,
                                             std::error_code* error) {
    for (;;) {
        auto chosen = co_await conc::select(wanted().recv_case(), connection.ctx.done());
        if (chosen.index() == 1) {
            co_return;
        }
        Probe probe = make_stream_probe(*chosen.get<0>(), conc::now(), options_.probe_bytes);
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
conc::Task<std::error_code> StreamPingLink::receive_bytes(net::Stream* stream) {
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

}  // namespace mynah::client
