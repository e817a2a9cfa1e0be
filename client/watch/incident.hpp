// incident.hpp -- one case in which bytes did not come back as they were sent.
#pragma once

#include <cstdint>
#include <string_view>

#include "conc/event_source.hpp"

namespace mynah::client::watch {

enum class IncidentKind : std::uint8_t {
    unacknowledged,
    reset,
    silent,
    corrupted,
    duplicated,
    misdelivered,
    reordered,
    foreign,
    late,  // a datagram that had been counted as silent, and is so no more
};
inline constexpr std::size_t kIncidentKinds = 9;

/// "silent"; the names of ByteCounts.
std::string_view name_of(IncidentKind kind) noexcept;

struct Incident {
    IncidentKind kind = IncidentKind::silent;
    std::uint64_t offset = 0;  // in the connection's stream: of the first byte, or where it came in between
    std::uint64_t bytes = 0;   // how many. Of corrupted ones these need not follow one on the other
    std::uint64_t other = 0;   // misdelivered: the connection of the frame
    conc::TimePoint at = {};   // when it was noticed
    friend bool operator==(const Incident&, const Incident&) = default;
};

}  // namespace mynah::client::watch
