// tally.hpp -- the account of a load: what became of each message, and how long it took.
//
// What     Connections tell of each message that they send and of its fate. Messages planned during the warm-up are
//          counted apart, and their times are not measured; what goes wrong counts always.
// Threads  one worker's; no lock.
// Cost     for a message that came back: one or two histogram entries and a few additions. The clock is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/latency_histogram.hpp"
#include "client/load/fault.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/schedule.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {

enum class Fate : std::uint8_t {
    verified,    // came back as it was sent
    mismatched,  // came back different, or out of step
    lost,        // the connection ended before it was back; of datagrams also: was not back in time
    timed_out,   // was not back in time
    in_flight,   // the user did not wait for it
};
inline constexpr std::size_t kFates = 5;

/// sent is the sum of all fates, once all connections have ended.
struct Outcomes {
    std::uint64_t sent = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t verified_bytes = 0;
    std::uint64_t fates[kFates] = {};

    std::uint64_t of(Fate fate) const noexcept { return fates[static_cast<std::size_t>(fate)]; }
    std::uint64_t failed() const noexcept { return of(Fate::mismatched) + of(Fate::lost) + of(Fate::timed_out); }
};

/// What datagrams do besides, in the warm-up too. None of it is a fate: each message has its own in any case.
struct DatagramCounts {
    std::uint64_t duplicates = 0;     // further copies of what had come back
    std::uint64_t reordered = 0;      // verified, but after one that was sent later
    std::uint64_t late = 0;           // came back after they had been counted as lost
    std::uint64_t foreign = 0;        // bore no numbers of what was sent
    std::uint64_t refused = 0;        // times that the kernel, or the peer's machine (ICMP), said no
    std::uint64_t receive_queue = 0;  // dropped by our own kernel, as they came faster than they were received
};

/// A second of the time line, or what there was of it.
struct Interval {
    std::chrono::nanoseconds begin{0};  // from the end of the warm-up
    std::chrono::nanoseconds length{0};
    std::uint64_t verified = 0;  // measured messages that came back
    std::uint64_t verified_bytes = 0;
    std::uint64_t errors = 0;  // messages that failed, and connections that did
    std::chrono::nanoseconds p50{0};
    std::chrono::nanoseconds p99{0};
    std::chrono::nanoseconds max{0};
};

class Tally {
  public:
    static constexpr std::chrono::seconds kInterval{1};
    static constexpr std::size_t kFaultsKept = 20;

    explicit Tally(const Schedule* schedule) : schedule_(schedule) {}

    /// Once the schedule has begun.
    void begin();

    void sent(const Message& message) noexcept {
        Outcomes& outcomes = outcomes_of(message);
        ++outcomes.sent;
        outcomes.sent_bytes += message.bytes;
    }

    /// To be called with a time not before `now` of all that follows, until the next call.
    void advance(conc::TimePoint now) {
        if (now >= interval_end_) {
            roll(now);
        }
    }

    /// It came back as it was sent.
    void verified(const Message& message, conc::TimePoint now) noexcept {
        Outcomes& outcomes = outcomes_of(message);
        ++outcomes.fates[static_cast<std::size_t>(Fate::verified)];
        outcomes.verified_bytes += message.bytes;
        last_answer_ = now;
        if (&outcomes == &measured_) {
            ++interval_.verified;
            interval_.verified_bytes += message.bytes;
            recent_.add(now - message.planned);
            if (is_open_loop_) {
                recent_from_sent_.add(now - message.sent);
            }
        }
    }

    /// Anything else.
    void failed(const Message& message, Fate fate) noexcept;
    void faulted(const Fault& fault);
    /// A connection that could not be made or ended before its time, and why.
    void connection_failed(const std::string& why);
    /// Closes the last interval.
    void end(conc::TimePoint now);

    DatagramCounts& datagrams() noexcept { return datagrams_; }
    /// Whether anything has come back at all.
    bool has_answers() const noexcept {
        return measured_.of(Fate::verified) + measured_.of(Fate::mismatched) + warm_up_.of(Fate::verified) +
                   warm_up_.of(Fate::mismatched) + datagrams_.late >
               0;
    }

    const Outcomes& measured() const noexcept { return measured_; }
    const Outcomes& warm_up() const noexcept { return warm_up_; }
    const LatencyHistogram& from_planned() const noexcept { return from_planned_; }
    const LatencyHistogram& from_sent() const noexcept { return is_open_loop_ ? from_sent_ : from_planned_; }
    const std::vector<Interval>& intervals() const noexcept { return intervals_; }
    const std::vector<Fault>& faults() const noexcept { return faults_; }
    std::uint64_t fault_count() const noexcept { return fault_count_; }
    const std::map<std::string, std::uint64_t>& connection_failures() const noexcept { return connection_failures_; }
    std::uint64_t error_count() const noexcept;
    conc::TimePoint last_answer() const noexcept { return last_answer_; }

  private:
    Outcomes& outcomes_of(const Message& message) noexcept {
        return message.planned < measured_from_ ? warm_up_ : measured_;
    }
    void roll(conc::TimePoint now);
    void close_interval(conc::TimePoint end);

    const Schedule* schedule_;
    bool is_open_loop_ = false;
    conc::TimePoint measured_from_ = conc::TimePoint::max();
    conc::TimePoint interval_begin_ = conc::TimePoint::max();
    conc::TimePoint interval_end_ = conc::TimePoint::max();
    conc::TimePoint last_answer_ = conc::TimePoint::min();

    Outcomes warm_up_;
    Outcomes measured_;
    DatagramCounts datagrams_;
    // Those of the interval that runs, added to the whole at its end: one entry a message is enough.
    LatencyHistogram recent_;
    LatencyHistogram recent_from_sent_;  // open loop
    LatencyHistogram from_planned_;
    LatencyHistogram from_sent_;
    Interval interval_;
    std::vector<Interval> intervals_;
    std::vector<Fault> faults_;  // the first of them
    std::uint64_t fault_count_ = 0;
    std::map<std::string, std::uint64_t> connection_failures_;
};

}  // namespace mynah::client::load
