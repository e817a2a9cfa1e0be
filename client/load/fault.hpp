// fault.hpp -- what is wrong with bytes that are not those that were sent.
//
// What     diagnose() looks at bytes that differ, and says whether some were changed, lost, or came twice.
// Threads  any.
// Cost     a search through the pattern; only for bytes that differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "client/load/pattern.hpp"

namespace mynah::client::load {

enum class FaultKind : std::uint8_t {
    changed,   // other values in the same places; what follows is in step
    lost,      // what came belongs further on
    repeated,  // what came had come before
    foreign,   // what came was never sent on this connection
    surplus,   // more came than was sent
};

struct Fault {
    FaultKind kind = FaultKind::changed;
    std::uint64_t connection = 0;  // from 1
    std::uint64_t datagram = 0;    // of the connection, from 1; 0: it is a stream
    std::uint64_t offset = 0;      // in the connection's stream, or in the datagram, from 0
    std::uint64_t bytes = 0;       // how many: changed, lost, ...
    unsigned sent = 0;             // the first byte that differs, as it was sent (but for surplus)
    unsigned returned = 0;         // and as it came back
};

/// Of what came back, one datagram: `sent` and `returned` differ, in bytes or in length. Sets what diagnose() does, and
/// the offset.
Fault compare_datagrams(std::span<const std::byte> sent, std::span<const std::byte> returned);

/// "connection 3, offset 1234: 1 byte lost (sent 0x12, got 0x34)"
std::string describe(const Fault& fault);
std::string_view name_of(FaultKind kind) noexcept;

/// What the bytes that came back are to the stream: the first of `returned` differs from the byte that belongs to
/// `position`. `received` and `outstanding`: how many bytes of this connection came before, and how many may come at
/// most. Sets kind and bytes, and the first byte's values.
Fault diagnose(const Pattern& pattern, std::size_t position, std::span<const std::byte> returned,
               std::uint64_t received, std::uint64_t outstanding);

}  // namespace mynah::client::load
