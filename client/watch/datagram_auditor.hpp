// datagram_auditor.hpp -- what became of every datagram that one socket has sent, and of every byte in it.
//
// What     Each datagram is a probe frame (net/probe_frame.hpp). One that is not back in time is silent, until it comes
//          after all (IncidentKind::late). One that comes after a later one is reordered, and echoed all the same; one
//          that comes again is duplicated. In a damaged one each byte that differs is corrupted, the others are echoed;
//          what was cut off is silent. Which frame a damaged one was is told by what it resembles most: of the one that
//          its header names, and of those around the oldest that is not back.
// Threads  one at a time; it does no I/O and knows no time but what it is told.
// Errors   none.
// Memory   what is known of the frames that are not back, of history_frames before them, and of those sent since the
//          oldest of these: 80 bytes each.
// Cost     a frame is checked by its checksum. A damaged one is compared with the frame that it names, and where that
//          differs in more than a few bytes with others, of kSearchedBytes together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "client/watch/byte_counts.hpp"
#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {

class DatagramAuditor {
  public:
    static constexpr std::size_t kHistoryFrames = 4096;
    static constexpr std::size_t kSearchedBytes = std::size_t{128} << 10U;

    DatagramAuditor(std::uint64_t run, std::uint64_t connection, std::size_t history_frames = kHistoryFrames)
        : run_(run), connection_(connection), history_frames_(history_frames) {}

    /// `frame` follows on the one before: in its sequence, and in its offset.
    void sent(const net::ProbeFrame& frame, conc::TimePoint now);
    /// The last one was not sent after all. False where it is decided already what became of it.
    bool take_back_sent();
    /// Returns the frame that has come back unharmed, if this is the first time that it does.
    std::optional<net::ProbeFrame> received(std::span<const std::byte> datagram, conc::TimePoint now);
    /// What was sent before `time` and is not back is silent. Returns how many frames that were.
    std::size_t expire(conc::TimePoint time, conc::TimePoint now);
    /// Nothing more is waited for.
    void end(conc::TimePoint now) { (void)expire(conc::TimePoint::max(), now); }

    std::uint64_t outstanding() const noexcept { return outstanding_; }  // bytes
    const ByteCounts& counts() const noexcept { return counts_; }
    std::vector<Incident> take_incidents();

  private:
    enum class State : std::uint8_t { outstanding, silent, back };
    struct Sent {
        net::ProbeFrame frame;
        conc::TimePoint at;
        std::uint64_t forget_at;  // when this sequence is sent
        State state = State::outstanding;
    };

    Sent* find(std::uint64_t sequence) noexcept;
    Sent* find_named(std::span<const std::byte> datagram) noexcept;
    Sent* find_most_like(std::span<const std::byte> datagram);
    std::size_t count_same(std::span<const std::byte> datagram, const Sent& sent);
    void take(Sent& sent, conc::TimePoint now);
    void take_damaged(Sent& sent, std::span<const std::byte> datagram, conc::TimePoint now);
    void note(IncidentKind kind, std::uint64_t offset, std::uint64_t bytes, conc::TimePoint now,
              std::uint64_t other = 0);

    std::uint64_t run_;
    std::uint64_t connection_;
    std::size_t history_frames_;

    // In the order of their sequences, without a gap. All before expired_ are decided.
    std::deque<Sent> frames_;
    std::size_t expired_ = 0;
    std::uint64_t latest_ = 0;  // one more than the highest sequence that has come back
    std::uint64_t outstanding_ = 0;
    std::vector<std::byte> compared_;  // a frame as it was sent

    ByteCounts counts_;
    std::vector<Incident> incidents_;
};

}  // namespace mynah::client::watch
