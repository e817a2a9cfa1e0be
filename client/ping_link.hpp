// ping_link.hpp -- what a ping sends its probes over.
//
// What     run() sends the probes that are asked for through `wanted`, and tells all that happens through `events`,
//          until its context is cancelled. StreamPingLink does it over connections, DatagramPingLink over UDP.
// Threads  run() once, from any task; the link must live until it returns. The channels, from any task.
// Order    events come in the order in which they happened: a probe's ProbeSent before the bytes that answer it, and
//          all of a connection's before its LinkDown.
// Errors   as events.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <variant>
#include <vector>

#include "client/outstanding_probes.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"

namespace mynah::client {

struct LinkUp {};

struct LinkDown {
    std::error_code error;  // none: closed by the peer
};

struct ConnectFailed {
    std::error_code error;
};

/// Of datagrams: one was not taken, by our kernel or by the peer's machine (ICMP). The link goes on.
struct Refused {
    std::error_code error;
};

struct ProbeSent {
    Probe probe;  // sent_at is the moment before its first byte was handed to the kernel
};

struct BytesBack {
    std::vector<std::byte> bytes;  // a piece of a stream, or a datagram
    ProbeTime received_at;
};

using LinkEvent = std::variant<LinkUp, LinkDown, ConnectFailed, Refused, ProbeSent, BytesBack>;

struct PingLinkOptions {
    net::Address address;
    std::size_t probe_bytes;
    std::chrono::nanoseconds timeout;  // of connecting, and for the peer to take a probe
    std::chrono::nanoseconds retry;    // from a failed attempt to connect to the next
};

class PingLink {
  public:
    explicit PingLink(conc::Context ctx);
    PingLink(const PingLink&) = delete;
    PingLink& operator=(const PingLink&) = delete;
    virtual ~PingLink() = default;

    virtual conc::Task<void> run() = 0;

    /// Sequence numbers of the probes to send.
    const conc::Channel<std::uint64_t>& wanted() const { return wanted_; }
    const conc::Channel<LinkEvent>& events() const { return events_; }

  protected:
    conc::Task<void> tell(LinkEvent event);
    const conc::Context& ctx() const { return ctx_; }

  private:
    conc::Context ctx_;
    conc::Channel<std::uint64_t> wanted_;
    conc::Channel<LinkEvent> events_;
};

}  // namespace mynah::client
