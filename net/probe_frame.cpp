#include "net/probe_frame.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "net/crc32c.hpp"
#include "net/split_mix.hpp"

namespace mynah::net {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kAgain = 1;

// Where each field begins: see the header.
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kHeaderBytesAt = 6;
constexpr std::size_t kRunAt = 8;
constexpr std::size_t kConnectionAt = 16;
constexpr std::size_t kSequenceAt = 24;
constexpr std::size_t kOffsetAt = 32;
constexpr std::size_t kPlannedAt = 40;
constexpr std::size_t kSentAt = 48;
constexpr std::size_t kPayloadBytesAt = 56;
constexpr std::size_t kChecksumAt = 60;

template <class Number>
Number little_endian(Number number) noexcept {
    if constexpr (std::endian::native == std::endian::big) {
        auto bytes = std::bit_cast<std::array<std::byte, sizeof(Number)>>(number);
        std::ranges::reverse(bytes);
        return std::bit_cast<Number>(bytes);
    }
    return number;
}

template <class Number>
void put(std::byte* header, std::size_t at, Number number) noexcept {
    number = little_endian(number);
    std::memcpy(header + at, &number, sizeof number);
}

template <class Number>
Number get(std::span<const std::byte> header, std::size_t at) noexcept {
    Number number;
    std::memcpy(&number, header.data() + at, sizeof number);
    return little_endian(number);
}

std::chrono::nanoseconds get_time(std::span<const std::byte> header, std::size_t at) noexcept {
    return std::chrono::nanoseconds(get<std::int64_t>(header, at));
}

std::uint32_t checksum(std::span<const std::byte> frame) noexcept {
    return crc32c(frame.subspan(kProbeHeaderBytes), crc32c(frame.first(kChecksumAt)));
}

}  // namespace

std::string_view to_string(ProbeError error) noexcept {
    switch (error) {
        case ProbeError::incomplete:
            return "the frame is not complete";
        case ProbeError::no_magic:
            return "no probe frame begins here";
        case ProbeError::unknown_version:
            return "a probe frame of an unknown version";
        case ProbeError::impossible_length:
            return "a payload of impossible length";
        case ProbeError::wrong_checksum:
            return "the checksum is wrong";
    }
    return "unknown";
}

void append_probe(const ProbeFrame& frame, std::vector<std::byte>& bytes) {
    if (frame.payload_bytes > kLargestProbePayload) {
        throw std::length_error("a probe frame with a payload of more than 16 MiB");
    }
    const std::size_t begin = bytes.size();
    bytes.resize(begin + frame.bytes());
    std::byte* header = bytes.data() + begin;
    std::memcpy(header, kProbeMagic.data(), kProbeMagic.size());
    put(header, kVersionAt, kVersion);
    put(header, kFlagsAt, static_cast<std::uint8_t>(frame.again ? kAgain : 0));
    put(header, kHeaderBytesAt, static_cast<std::uint16_t>(kProbeHeaderBytes));
    put(header, kRunAt, frame.run);
    put(header, kConnectionAt, frame.connection);
    put(header, kSequenceAt, frame.sequence);
    put(header, kOffsetAt, frame.offset);
    put(header, kPlannedAt, std::int64_t{frame.planned.count()});
    put(header, kSentAt, std::int64_t{frame.sent.count()});
    put(header, kPayloadBytesAt, frame.payload_bytes);
    const std::span<std::byte> whole(header, frame.bytes());
    probe_payload(frame.run, frame.connection, frame.offset + kProbeHeaderBytes, whole.subspan(kProbeHeaderBytes));
    put(header, kChecksumAt, checksum(whole));
}

std::expected<ProbeFrame, ProbeError> read_probe_header(std::span<const std::byte> bytes) noexcept {
    const std::size_t magic = std::min(bytes.size(), kProbeMagic.size());
    if (magic == 0 || std::memcmp(bytes.data(), kProbeMagic.data(), magic) != 0) {
        return std::unexpected(magic == 0 ? ProbeError::incomplete : ProbeError::no_magic);
    }
    if (bytes.size() < kProbeHeaderBytes) {
        return std::unexpected(ProbeError::incomplete);
    }
    if (get<std::uint8_t>(bytes, kVersionAt) != kVersion ||
        get<std::uint16_t>(bytes, kHeaderBytesAt) != kProbeHeaderBytes) {
        return std::unexpected(ProbeError::unknown_version);
    }
    const ProbeFrame frame{.run = get<std::uint64_t>(bytes, kRunAt),
                           .connection = get<std::uint64_t>(bytes, kConnectionAt),
                           .sequence = get<std::uint64_t>(bytes, kSequenceAt),
                           .offset = get<std::uint64_t>(bytes, kOffsetAt),
                           .planned = get_time(bytes, kPlannedAt),
                           .sent = get_time(bytes, kSentAt),
                           .payload_bytes = get<std::uint32_t>(bytes, kPayloadBytesAt),
                           .again = (get<std::uint8_t>(bytes, kFlagsAt) & kAgain) != 0};
    if (frame.payload_bytes > kLargestProbePayload) {
        return std::unexpected(ProbeError::impossible_length);
    }
    return frame;
}

std::expected<ProbeFrame, ProbeError> read_probe(std::span<const std::byte> bytes) noexcept {
    const auto frame = read_probe_header(bytes);
    if (!frame) {
        return frame;
    }
    if (bytes.size() < frame->bytes()) {
        return std::unexpected(ProbeError::incomplete);
    }
    if (get<std::uint32_t>(bytes, kChecksumAt) != checksum(bytes.first(frame->bytes()))) {
        return std::unexpected(ProbeError::wrong_checksum);
    }
    return frame;
}

void probe_payload(std::uint64_t run, std::uint64_t connection, std::uint64_t offset,
                   std::span<std::byte> bytes) noexcept {
    const std::uint64_t key = split_mix(run ^ split_mix(connection));
    while (!bytes.empty()) {
        // The stream is made of words, each of which follows from its number.
        const std::uint64_t word = little_endian(split_mix(key + offset / sizeof(std::uint64_t)));
        const std::size_t skipped = offset % sizeof word;
        const std::size_t count = std::min(bytes.size(), sizeof word - skipped);
        std::array<std::byte, sizeof word> whole{};
        std::memcpy(whole.data(), &word, sizeof word);
        std::memcpy(bytes.data(), whole.data() + skipped, count);
        offset += count;
        bytes = bytes.subspan(count);
    }
}

}  // namespace mynah::net
