// timeline.hpp -- a watch second by second.
//
// What     counts what happens in the second that runs, and keeps those that are over; latencies also as a whole.
// Threads  one worker's; no lock.
// Cost     as of a LatencyHistogram, of which there are four.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "client/latency_histogram.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

struct Second {
    std::chrono::nanoseconds begin{0};  // from the beginning of the watch
    std::chrono::nanoseconds length{0};
    std::uint64_t sent = 0;        // frames
    std::uint64_t echoed = 0;      // frames
    std::uint64_t lost_bytes = 0;  // all that spoils the verdict
    std::uint64_t ended = 0;       // connections that the peer or the network ended
    std::uint64_t refused = 0;     // attempts to connect
    std::uint64_t open = 0;        // connections, at its end
    std::chrono::nanoseconds p50{0};
    std::chrono::nanoseconds p99{0};
    std::chrono::nanoseconds max{0};
};

class Timeline {
  public:
    static constexpr std::chrono::seconds kSecond{1};

    void begin(conc::TimePoint now);
    /// To be called with a time not before `now` of what follows.
    void advance(conc::TimePoint now, std::uint64_t open);
    void end(conc::TimePoint now, std::uint64_t open);

    Second& current() noexcept { return current_; }
    void echoed(std::chrono::nanoseconds from_planned, std::chrono::nanoseconds from_sent);

    const std::vector<Second>& seconds() const noexcept { return seconds_; }
    const LatencyHistogram& from_planned() const noexcept { return from_planned_; }
    const LatencyHistogram& from_sent() const noexcept { return from_sent_; }

  private:
    void close(conc::TimePoint end, std::uint64_t open);

    conc::TimePoint start_;
    conc::TimePoint second_begin_;
    Second current_;
    LatencyHistogram recent_;  // of the second, from plan
    LatencyHistogram from_planned_;
    LatencyHistogram from_sent_;
    std::vector<Second> seconds_;
};

}  // namespace mynah::client::watch
