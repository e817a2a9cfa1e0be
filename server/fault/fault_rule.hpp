// fault_rule.hpp -- one kind of fault that mynahd commits on purpose, and where.
// What     FaultRule is a plain value: what is done, to which listener's connections, at which places. A place is, in a
//          stream, the offset of a byte among those that the peer has sent; over UDP the number of a datagram, and for
//          `refuse` the number of a connection, both counted from 1.
// Threads  a value: built once with the configuration, then only read.
// Notation fault_notation.hpp reads and writes it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mynah::server {

enum class FaultKind {
    delay,        // stream: what follows the place is echoed later; UDP: the datagram is
    stall,        // from the place on nothing is read or echoed, for a time or until the connection ends
    fin,          // our FIN after so many bytes, and nothing more is echoed
    reset,        // a RST after so many bytes
    short_write,  // each byte of the span is written on its own
    corrupt,      // stream: the bytes of the span are changed; UDP: one byte of each datagram of it
    drop,         // the span is not echoed
    duplicate,    // the span is echoed twice: a stream's as a whole, UDP's datagram by datagram
    reorder,      // UDP: the datagram is echoed after the next ones
    refuse,       // the connection ends as soon as it is accepted
};
inline constexpr std::size_t kFaultKinds = 10;

/// In the order of FaultKind.
inline constexpr std::array<std::string_view, kFaultKinds> kFaultKindNames{
    "delay", "stall", "fin", "reset", "short_write", "corrupt", "drop", "duplicate", "reorder", "refuse"};

[[nodiscard]] constexpr std::string_view to_string(FaultKind kind) {
    return kFaultKindNames[static_cast<std::size_t>(kind)];
}

/// How the places of a rule follow each other.
enum class FaultSpacing {
    mean,   // at random, geometrically: each place is one with a probability of 1 in `distance`
    every,  // at distance, 2 * distance, 3 * distance ...
    at,     // once, at `distance`
};

inline constexpr std::array<std::string_view, 3> kFaultSpacingNames{"mean", "every", "at"};

struct FaultRule {
    FaultKind kind = FaultKind::corrupt;
    std::string listener = {};  // as in `listen`; empty: all of them
    FaultSpacing spacing = FaultSpacing::at;
    std::uint64_t distance = 0;
    std::uint64_t length = 1;               // of a span, in bytes or datagrams; reorder: how many go before it
    std::chrono::milliseconds duration{0};  // of a delay or a stall; 0: the stall has no end
    std::uint64_t seed = 1;                 // of what is drawn: places, and how bytes are changed
    bool with_reset = true;                 // refuse: by RST, else by FIN

    friend bool operator==(const FaultRule&, const FaultRule&) = default;
};

}  // namespace mynah::server
