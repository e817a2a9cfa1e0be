// probe_stream.hpp -- whose stream begins here?
//
// What     A stream of probe frames (probe_frame.hpp) is known by its first bytes: those of a frame with sequence 0 at
//          offset 0. Who serves it can so write down which connection of which run it was, also behind a proxy, where
//          addresses tell nothing.
// Threads  any.
// Errors   nullopt: it is no such stream, or too little of it is there to tell. What is not all there is not waited
//          for: a header of 64 bytes must be, and of a frame with a payload 8 bytes of that.
// Trust    none: it is what the peer says of itself. The checksum keeps accidents out, not a liar.
// Cost     four bytes are compared; only where they are right, the first frame is summed up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mynah::net {

/// A connection of a run, as its frames name it.
struct ProbeStream {
    std::uint64_t run = 0;
    std::uint64_t connection = 0;

    friend bool operator==(const ProbeStream&, const ProbeStream&) = default;
};

/// `beginning`: what the first receive brought of a stream.
std::optional<ProbeStream> recognise_probe_stream(std::span<const std::byte> beginning) noexcept;

}  // namespace mynah::net
