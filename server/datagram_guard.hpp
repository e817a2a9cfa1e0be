// datagram_guard.hpp -- whom a datagram is never echoed to: ports whose services answer whatever they are sent.
// What     an echo to such a service, or to another echo, is answered, and that answer is echoed: with one datagram
//          whose source is forged two servers send to each other for ever (CVE-2024-2169, CERT/CC VU#417980). An echo
//          to a service that amplifies helps whoever forged the victim's address (CISA TA14-017A).
// Threads  any, once it is made.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <span>

namespace mynah::server {

class DatagramGuard {
  public:
    /// `own_ports`: where we echo datagrams ourselves. Another mynahd may listen at the same one of another machine, so
    /// what comes from such a port is not echoed, whatever its address is.
    explicit DatagramGuard(std::span<const std::uint16_t> own_ports);

    /// Whether a datagram from this source port may be echoed.
    bool allows(std::uint16_t source_port) const { return !(*refused_)[source_port]; }

    /// Those that are refused whatever is configured.
    static std::span<const std::uint16_t> well_known();

  private:
    using Ports = std::bitset<65'536>;
    std::unique_ptr<Ports> refused_;
};

}  // namespace mynah::server
