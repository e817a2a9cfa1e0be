// account.hpp -- all that a watch finds out while it goes on.
//
// What     The lanes tell of connections, frames, incidents and outages; the account adds up, and keeps as many of them
//          as its limits say, with a count of what it left out.
// Threads  one worker's; no lock. The clock is the caller's.
// Memory   bounded by the limits, and by the length of the watch: 80 bytes a second.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/latency_histogram.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/records.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

/// The first of many, and how many more there were.
template <class T>
struct Bounded {
    std::size_t limit = 0;
    std::vector<T> first = {};
    std::uint64_t left_out = 0;

    void add(const T& one) {
        if (first.size() < limit) {
            first.push_back(one);
        } else {
            ++left_out;
        }
    }
    std::uint64_t count() const noexcept { return first.size() + left_out; }
};

class Account {
  public:
    static constexpr std::size_t kEventsKept = 1000;
    static constexpr std::size_t kLossesKept = 10;
    static constexpr std::size_t kConnectionsKept = 10'000;
    static constexpr std::size_t kOutagesKept = 1000;
    static constexpr std::size_t kFreshKept = 100;

    /// How many connections ended how, and attempts failed.
    struct Endings {
        std::uint64_t opened = 0;
        std::uint64_t open = 0;  // now
        std::uint64_t finished = 0;
        std::uint64_t fins = 0;
        std::uint64_t resets = 0;
        std::uint64_t timeouts = 0;
        std::uint64_t abandoned = 0;
        std::uint64_t refusals = 0;
        std::map<std::string, std::uint64_t> refused_why = {};
    };

    void begin(conc::TimePoint now);
    void advance(conc::TimePoint now) { timeline_.advance(now, endings_.open); }
    void end(conc::TimePoint now) { timeline_.end(now, endings_.open); }

    std::uint64_t next_connection() noexcept { return endings_.opened + 1; }
    /// `again`: its lane has had one before, which makes it an event.
    void opened(const ConnectionRecord& record, bool again);
    /// `why`: "cannot connect: Connection refused". `is_event`: it is the first of many that say the same.
    void refused(std::size_t lane, const std::string& why, conc::TimePoint now, bool is_event);
    void frame_sent(std::size_t bytes, bool again);
    void take_back_frame(std::size_t bytes, bool again) noexcept;
    void echoed(std::chrono::nanoseconds from_planned, std::chrono::nanoseconds from_sent) {
        timeline_.echoed(from_planned, from_sent);
    }
    void noticed(const ConnectionRecord& record, const Incident& incident);
    void closed(const ConnectionRecord& record);
    void outage_ended(const Outage& outage);
    /// Frames that fell due while their lane had no connection, or no time to send them.
    void missed(std::uint64_t frames) noexcept { missed_ += frames; }
    /// Connections that were not replaced until the end.
    void down(std::uint64_t connections) noexcept { down_ += connections; }
    /// Bytes that were unacknowledged, and never came back on a later connection.
    void unrepaired(std::uint64_t bytes) noexcept { unrepaired_ += bytes; }

    conc::TimePoint started() const noexcept { return started_; }
    const ByteCounts& bytes() const noexcept { return bytes_; }  // of the connections that are closed
    std::uint64_t lost_bytes() const noexcept { return lost_bytes_; }
    std::uint64_t sent_again() const noexcept { return sent_again_; }
    std::uint64_t unrepaired() const noexcept { return unrepaired_; }
    /// Bytes that were silent until they came: they are no loss, though their silence is among the losses().
    std::uint64_t late() const noexcept { return late_; }
    std::uint64_t frames_sent() const noexcept { return frames_sent_; }
    std::uint64_t down() const noexcept { return down_; }
    std::uint64_t frames_missed() const noexcept { return missed_; }
    const Endings& endings() const noexcept { return endings_; }
    const Timeline& timeline() const noexcept { return timeline_; }
    const Bounded<Event>& events() const noexcept { return events_; }
    const Bounded<Event>& losses() const noexcept { return losses_; }
    const Bounded<ConnectionRecord>& connections() const noexcept { return connections_; }
    const Bounded<Outage>& outages() const noexcept { return outages_; }
    /// Of all of them, those that outages() leaves out too.
    const LatencyHistogram& outage_lengths() const noexcept { return outage_lengths_; }
    conc::Duration total_outage() const noexcept { return total_outage_; }

    /// What has happened since the last call, for who looks on.
    Bounded<Event> take_fresh();

  private:
    void add(const Event& event);

    conc::TimePoint started_;
    ByteCounts bytes_;
    std::uint64_t lost_bytes_ = 0;
    std::uint64_t sent_again_ = 0;
    std::uint64_t unrepaired_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t frames_sent_ = 0;
    std::uint64_t missed_ = 0;
    std::uint64_t down_ = 0;
    Endings endings_;
    Timeline timeline_;
    Bounded<Event> events_{.limit = kEventsKept};
    Bounded<Event> losses_{.limit = kLossesKept};
    Bounded<Event> fresh_{.limit = kFreshKept};
    Bounded<ConnectionRecord> connections_{.limit = kConnectionsKept};
    Bounded<Outage> outages_{.limit = kOutagesKept};
    LatencyHistogram outage_lengths_;
    conc::Duration total_outage_{0};
};

/// Whether bytes of this kind spoil the verdict.
bool is_loss(IncidentKind kind) noexcept;

/// "12.345 s"
std::string at_second(conc::TimePoint at, conc::TimePoint started);

}  // namespace mynah::client::watch
