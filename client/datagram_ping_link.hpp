// datagram_ping_link.hpp -- the UDP socket of a ping: a probe is a datagram, and so is its answer.
//
// What     the socket is connected to the peer, so that the kernel tells of refusals, and lets no datagram in that
//          comes from elsewhere. It stays, whatever happens to the peer.
#pragma once

#include <cstdint>

#include "client/ping_link.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"

namespace mynah::client {

class DatagramPingLink final : public PingLink {
  public:
    /// `run`: as for DatagramProbes.
    DatagramPingLink(PingLinkOptions options, std::uint32_t run, net::DatagramSocket socket, conc::Context ctx);

    conc::Task<void> run() override;

  private:
    conc::Task<void> close_when_cancelled();
    conc::Task<void> send_probes();
    conc::Task<void> send_probe(std::uint64_t sequence);
    conc::Task<void> receive_replies();

    PingLinkOptions options_;
    std::uint32_t run_;
    net::DatagramSocket socket_;
};

}  // namespace mynah::client
