// probe_frame.hpp -- a message that says what it is, where it belongs and whether it is whole.
//
// What     A stream of probe frames, back to back, or one in each datagram. To an echo server it is bytes like any.
//          All numbers are little-endian:
//
//            byte  bytes  what
//               0      4  "MYNP"
//               4      1  version: 1
//               5      1  flags: 1, the message was sent before, on a connection that ended before it was back
//               6      2  bytes in this header: 64
//               8      8  run: the same for all that one program sends
//              16      8  connection: every connection of a run has another, also one that takes the place of another
//              24      8  sequence: 0, 1, 2, ... on this connection
//              32      8  offset: where the frame begins in the connection's stream, from 0
//              40      8  planned: when it was to be sent, in nanoseconds since 1970 (UTC)
//              48      8  sent: when it was handed to the kernel; both by the sender's clock
//              56      4  bytes in the payload, up to kLargestProbePayload
//              60      4  CRC32C (crc32c.hpp) of the 60 bytes before, and of the payload
//              64      n  payload: probe_payload() of run, connection and the offset of each byte
//
//          So a reader that finds a frame anywhere can check it, and can tell from any 8 bytes of a payload whether
//          they belong to a place of a connection.
// Threads  any.
// Errors   read_probe() says what is wrong with what is no frame; it reads nothing behind what it was given.
// Memory   append_probe() grows the vector that it is given; nothing else allocates.
// Cost     for a frame: its payload is made and summed up once, 8 bytes at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

namespace mynah::net {

inline constexpr std::size_t kProbeHeaderBytes = 64;
inline constexpr std::size_t kLargestProbePayload = std::size_t{1} << 24U;
inline constexpr std::string_view kProbeMagic = "MYNP";

struct ProbeFrame {
    std::uint64_t run = 0;
    std::uint64_t connection = 0;
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;
    std::chrono::nanoseconds planned{0};
    std::chrono::nanoseconds sent{0};
    std::uint32_t payload_bytes = 0;
    bool again = false;

    std::size_t bytes() const noexcept { return kProbeHeaderBytes + payload_bytes; }
    friend bool operator==(const ProbeFrame&, const ProbeFrame&) = default;
};

enum class ProbeError : std::uint8_t {
    incomplete,         // it may be a frame; its end is not there
    no_magic,           // it does not begin with kProbeMagic
    unknown_version,    // or a header of another length
    impossible_length,  // of the payload
    wrong_checksum,     // some byte of it is not what it was
};
std::string_view to_string(ProbeError error) noexcept;

/// Puts header and payload behind what is in `bytes`. The payload must not be longer than kLargestProbePayload.
void append_probe(const ProbeFrame& frame, std::vector<std::byte>& bytes);

/// The frame that `bytes` begins with, its checksum verified. What is behind it does not matter.
std::expected<ProbeFrame, ProbeError> read_probe(std::span<const std::byte> bytes) noexcept;

/// What the header says, whether or not the checksum is right: for who has a damaged frame.
std::expected<ProbeFrame, ProbeError> read_probe_header(std::span<const std::byte> bytes) noexcept;

/// The payload of a connection's stream from `offset` on: each byte depends on run, connection and its own offset only.
void probe_payload(std::uint64_t run, std::uint64_t connection, std::uint64_t offset,
                   std::span<std::byte> bytes) noexcept;

}  // namespace mynah::net
