// alignment.hpp -- where in the stream that was sent the bytes belong that came back.
//
// What     align() takes bytes that are not what they should be, and finds the explanation that costs least: a stream
//          that is repeated byte for byte, where a byte has another value (costs 1), or the place in what was sent
//          changes (costs kJump): forward where bytes are missing, back where some are repeated or came in between. The
//          places that come into question are those of 8 bytes that occur only once in what was sent. A byte counts as
//          repeated where four in a row are: among many that are not, some are right by chance.
// Order    deterministic: of explanations that cost the same, one that jumps as early as it can.
// Limits   a stretch between two jumps is found where it has 8 bytes that occur once: 32 bytes of a probe stream always
//          do. Shorter ones count as changed, or as missing and foreign; the sums are right all the same.
// Threads  any.
// Cost     linear in both, times the number of places (kMostPlaces at most); only for bytes that differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mynah::client::watch {

/// received[begin, end) belong to expected[position, ...). It may begin before the first byte and may run beyond the
/// last: such bytes were never sent.
struct Piece {
    std::size_t begin;
    std::size_t end;
    std::int64_t position;
    friend bool operator==(const Piece&, const Piece&) = default;
};

inline constexpr unsigned kJump = 4;
inline constexpr std::size_t kMostPlaces = 64;

/// The pieces in order, which together are all of `received`. `start`: where in `expected` its first byte should
/// belong. `is_end`: nothing more will come, and so what came last may be what was sent last.
std::vector<Piece> align(std::span<const std::byte> received, std::span<const std::byte> expected, std::size_t start,
                         bool is_end);

/// Whether the end of `received` has one place in `expected` for certain, so that all before it can be explained.
bool is_anchored(std::span<const std::byte> received, std::span<const std::byte> expected, std::size_t start);

}  // namespace mynah::client::watch
