// ping_journal.hpp -- what became of every probe of a ping, for its report.
//
// What     the Pinger tells of each probe as it falls due, leaves and comes back; the journal keeps it all.
// Threads  one at a time.
// Cost     some 80 bytes a probe, and the histogram's 288 KiB.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/latency_histogram.hpp"
#include "client/outstanding_probes.hpp"

namespace mynah::client {

enum class ProbeFate : std::uint8_t {
    under_way,  // neither answered nor given up
    answered,
    late,  // after the time limit: lost all the same
    corrupted,
    lost,
};
std::string_view name_of(ProbeFate fate) noexcept;

/// A duplicate changes no fate.
struct ProbeRecord {
    ProbeFate fate = ProbeFate::under_way;
    bool reordered = false;
    std::uint32_t duplicates = 0;
    ProbeTime sent_at;                        // while it has not been: when it fell due
    std::chrono::nanoseconds round_trip{-1};  // below zero: none
    std::string why_lost;
};

class PingJournal {
  public:
    /// The next probe, numbered from 1, has fallen due.
    void due(ProbeTime now) { records_.push_back({.sent_at = now, .why_lost = {}}); }
    void sent(std::uint64_t sequence, ProbeTime now) { record(sequence).sent_at = now; }
    void lost(std::uint64_t sequence, std::string_view why);
    void came_back(const Reply& reply);

    /// That of probe 1 comes first.
    const std::vector<ProbeRecord>& records() const { return records_; }
    /// Of all probes that came back unchanged, also late.
    const LatencyHistogram& round_trips() const { return round_trips_; }

  private:
    ProbeRecord& record(std::uint64_t sequence) { return records_[sequence - 1]; }

    std::vector<ProbeRecord> records_;
    LatencyHistogram round_trips_;
};

}  // namespace mynah::client
