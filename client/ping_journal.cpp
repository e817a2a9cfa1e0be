#include "client/ping_journal.hpp"

#include <cstdint>
#include <string_view>

#include "client/outstanding_probes.hpp"

namespace mynah::client {

std::string_view name_of(ProbeFate fate) noexcept {
    switch (fate) {
        case ProbeFate::under_way:
            return "under_way";
        case ProbeFate::answered:
            return "answered";
        case ProbeFate::late:
            return "late";
        case ProbeFate::corrupted:
            return "corrupted";
        case ProbeFate::lost:
            return "lost";
    }
    return "unknown";
}

void PingJournal::lost(std::uint64_t sequence, std::string_view why) {
    record(sequence).fate = ProbeFate::lost;
    record(sequence).why_lost = why;
}

void PingJournal::came_back(const Reply& reply) {
    ProbeRecord& probe = record(reply.sequence);
    if (reply.duplicate) {
        ++probe.duplicates;
        return;
    }
    probe.round_trip = reply.round_trip.value_or(probe.round_trip);
    probe.reordered = reply.reordered;
    if (reply.differing_bytes > 0) {
        probe.fate = ProbeFate::corrupted;
        return;
    }
    probe.fate = reply.overdue ? ProbeFate::late : ProbeFate::answered;
    round_trips_.add(probe.round_trip);
}

}  // namespace mynah::client
