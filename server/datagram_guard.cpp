#include "server/datagram_guard.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace mynah::server {
namespace {

constexpr std::array<std::uint16_t, 20> kWellKnown{
    // Nobody can be answered there.
    0,
    // They answer any datagram: RFC 862 to 868, without time of day to tell from noise. VU#417980 names echo, chargen
    // and quote of the day; discard (RFC 863) answers none, and wants none either.
    7, 9, 11, 13, 17, 19, 37,
    // VU#417980: DNS, TFTP and NTP servers were found that answer an error with an error.
    53, 69, 123,
    // TA14-017A, besides those above: portmap, NetBIOS name and datagram, SNMP, CLDAP, RIP, SSDP, mDNS, memcached.
    111, 137, 138, 161, 389, 520, 1'900, 5'353, 11'211};

}  // namespace

DatagramGuard::DatagramGuard(std::span<const std::uint16_t> own_ports) : refused_(std::make_unique<Ports>()) {
    for (const std::uint16_t port : kWellKnown) {
        refused_->set(port);
    }
    for (const std::uint16_t port : own_ports) {
        refused_->set(port);
    }
}

std::span<const std::uint16_t> DatagramGuard::well_known() {
    return kWellKnown;
}

}  // namespace mynah::server
