// round_trips.hpp -- the closing statistics of a ping, worded like those of ping(8).
//
// What     RoundTrips keeps minimum, mean, maximum, standard deviation and jitter of any number of round-trip times;
//          PingTally counts what became of the probes; summary() writes ping(8)'s closing lines.
// Threads  one at a time.
// Cost     constant memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace mynah::client {

class RoundTrips {
  public:
    void add(std::chrono::nanoseconds time);

    std::uint64_t count() const { return count_; }
    std::chrono::nanoseconds min() const { return min_; }
    std::chrono::nanoseconds max() const { return max_; }
    std::chrono::nanoseconds mean() const;
    /// Standard deviation over all of them, which ping(8) calls mdev.
    std::chrono::nanoseconds deviation() const;
    /// The mean absolute difference between a round trip and the one before it, in the order in which they were added:
    /// RFC 3550's D, of round trips in place of transit times, and without its smoothing. Zero for fewer than two.
    std::chrono::nanoseconds jitter() const;

  private:
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds min_{0};
    std::chrono::nanoseconds max_{0};
    // Welford's running mean and sum of squared differences, in nanoseconds: stable where a sum of squares is not.
    double mean_ = 0;
    double squares_ = 0;
    std::chrono::nanoseconds last_{0};
    double differences_ = 0;  // the sum of them
};

struct PingTally {
    std::uint64_t sent = 0;        // every probe that fell due, also while there was no connection
    std::uint64_t answered = 0;    // came back as they were sent, in time
    std::uint64_t late = 0;        // came back right, but after the time limit
    std::uint64_t corrupted = 0;   // came back different
    std::uint64_t duplicates = 0;  // further answers to probes that had one
    std::uint64_t reordered = 0;   // of those that were answered: after a probe that was sent later
    std::uint64_t foreign = 0;     // times that something came which belongs to no probe
    std::uint64_t under_way = 0;   // neither answered nor overdue when the user interrupted

    /// Probes that count as lost: sent, and neither answered in time nor still under way.
    std::uint64_t lost() const { return sent - answered - under_way; }
    /// Of all that are not under way.
    double loss_percent() const {
        const std::uint64_t settled = sent - under_way;
        return settled == 0 ? 0.0 : 100.0 * static_cast<double>(lost()) / static_cast<double>(settled);
    }
};

/// Up to four lines, each with its newline: of round trips only where there is one, of jitter where there are two.
std::string summary(std::string_view target, const PingTally& tally, const RoundTrips& trips,
                    std::chrono::nanoseconds elapsed);

}  // namespace mynah::client
