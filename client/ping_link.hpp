// ping_link.hpp -- the connection of a ping, made anew whenever it ends.
//
// What     run() sends the probes that are asked for through `wanted`, and tells all that happens through `events`,
//          until its context is cancelled.
// Threads  run() once, from any task; the PingLink must live until it returns. The channels, from any task.
// Order    events come in the order in which they happened: a probe's ProbeSent before the bytes that answer it, and
//          all of a connection's before its LinkDown.
// Errors   as events.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <variant>
#include <vector>

#include "client/outstanding_probes.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client {

struct LinkUp {};

struct LinkDown {
    std::error_code error;  // none: closed by the peer
};

struct ConnectFailed {
    std::error_code error;
};

struct ProbeSent {
    Probe probe;  // sent_at is the moment before its first byte was handed to the kernel
};

struct BytesBack {
    std::vector<std::byte> bytes;
    ProbeTime received_at;
};

using LinkEvent = std::variant<LinkUp, LinkDown, ConnectFailed, ProbeSent, BytesBack>;

struct PingLinkOptions {
    net::Address address;
    std::size_t probe_bytes;
    std::chrono::nanoseconds timeout;  // of connecting, and for the peer to take a probe
    std::chrono::nanoseconds retry;    // from a failed attempt to connect to the next
};

class PingLink {
  public:
    PingLink(PingLinkOptions options, conc::Context ctx);

    /// `first`: the connection to begin with.
    conc::Task<void> run(net::Stream first);

    /// Sequence numbers of the probes to send.
    const conc::Channel<std::uint64_t>& wanted() const { return wanted_; }
    const conc::Channel<LinkEvent>& events() const { return events_; }

  private:
    conc::Task<void> serve_for_a_while(net::Stream stream);
    conc::Task<void> serve(net::Stream stream);
    conc::Task<void> send_probes(net::Stream* stream, conc::CancelableContext connection, std::error_code* error);
    conc::Task<std::error_code> receive_bytes(net::Stream* stream);
    conc::Task<void> tell(LinkEvent event);

    PingLinkOptions options_;
    conc::Context ctx_;
    conc::Channel<std::uint64_t> wanted_;
    conc::Channel<LinkEvent> events_;
};

/// Connects; operation_canceled as soon as `ctx` is cancelled. The attempt itself may then go on in a task of its own
/// for what is left of `timeout`.
conc::Task<net::Result<net::Stream>> connect_unless_cancelled(net::Address address, std::chrono::nanoseconds timeout,
                                                              conc::Context ctx);

}  // namespace mynah::client
