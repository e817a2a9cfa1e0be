// stream_ping_link.hpp -- the connection of a ping, made anew whenever it ends.
#pragma once

#include <system_error>

#include "client/ping_link.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/stream.hpp"

namespace mynah::client {

class StreamPingLink final : public PingLink {
  public:
    /// `first`: the connection to begin with.
    StreamPingLink(PingLinkOptions options, net::Stream first, conc::Context ctx);

    conc::Task<void> run() override;

  private:
    conc::Task<void> serve_for_a_while(net::Stream stream);
    conc::Task<void> serve(net::Stream stream);
    conc::Task<void> send_probes(net::Stream* stream, conc::CancelableContext connection, std::error_code* error);
    conc::Task<std::error_code> receive_bytes(net::Stream* stream);

    PingLinkOptions options_;
    net::Stream first_;
};

}  // namespace mynah::client
