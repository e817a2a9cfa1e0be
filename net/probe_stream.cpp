#include "net/probe_stream.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/probe_frame.hpp"

namespace mynah::net {
namespace {

// Of a frame that is not all there the checksum cannot be verified: but each word of a payload follows from run,
// connection and offset, so that one which is right tells as much.
constexpr std::size_t kTellingBytes = sizeof(std::uint64_t);

bool begins_its_payload(const ProbeFrame& frame, std::span<const std::byte> payload) noexcept {
    if (payload.size() < kTellingBytes) {
        return false;
    }
    std::array<std::byte, kTellingBytes> expected{};
    probe_payload(frame.run, frame.connection, frame.offset + kProbeHeaderBytes, expected);
    return std::ranges::equal(payload.first(kTellingBytes), expected);
}

}  // namespace

std::optional<ProbeStream> recognise_probe_stream(std::span<const std::byte> beginning) noexcept {
    const auto header = read_probe_header(beginning);
    if (!header || header->sequence != 0 || header->offset != 0) {
        return std::nullopt;
    }
    const bool is_whole = beginning.size() >= header->bytes();
    if (is_whole ? !read_probe(beginning) : !begins_its_payload(*header, beginning.subspan(kProbeHeaderBytes))) {
        return std::nullopt;
    }
    return ProbeStream{.run = header->run, .connection = header->connection};
}

}  // namespace mynah::net
