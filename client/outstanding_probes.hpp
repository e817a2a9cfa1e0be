// outstanding_probes.hpp -- the probes of a ping that are on their way, in the order in which they were sent.
//
// What     make_probe() builds a probe; OutstandingProbes is given each probe as it leaves, and the bytes that come
//          back in any pieces, and tells what became of each. A reply is matched by content: the connection keeps
//          bytes in order, so the next bytes must be those of the oldest probe.
// Threads  one at a time.
// Cost     holds the bytes of the probes that are on their way.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace mynah::client {

using ProbeTime = std::chrono::steady_clock::time_point;

struct Probe {
    std::uint64_t sequence = 0;  // from 1
    ProbeTime sent_at;
    std::vector<std::byte> bytes;
};

/// `size` bytes: the sequence number and the time, least significant byte first, then a pattern that the sequence
/// number rotates. A small probe has only the beginning of that.
Probe make_probe(std::uint64_t sequence, ProbeTime now, std::size_t size);

struct Reply {
    std::uint64_t sequence = 0;
    std::size_t size = 0;  // bytes
    std::chrono::nanoseconds round_trip{0};
    bool overdue = false;             // it had been given up
    std::size_t differing_bytes = 0;  // 0: as it was sent
    std::size_t first_difference = 0;
};

class OutstandingProbes {
  public:
    explicit OutstandingProbes(std::chrono::nanoseconds timeout) : timeout_(timeout) {}

    void sent(Probe probe);

    /// Takes bytes that came back; returns the replies that they complete.
    std::vector<Reply> received(std::span<const std::byte> bytes, ProbeTime now);

    /// Bytes that came while no probe was on its way.
    std::uint64_t surplus_bytes() const { return surplus_bytes_; }

    /// Gives up the probes whose time is over; returns their numbers, each once. They may still be answered.
    std::vector<std::uint64_t> expire(ProbeTime now);

    /// When the next probe will be given up.
    std::optional<ProbeTime> next_expiry() const;

    /// Forgets all probes, as their connection is gone; returns the numbers of those that had not been given up.
    std::vector<std::uint64_t> abandon();

    /// Probes that are neither answered nor given up.
    std::size_t waiting() const { return probes_.size() - overdue_count_; }

  private:
    // Invariant: the first overdue_count_ of probes_ have been given up: probes leave, and so expire, in order.
    // Of the first probe, matched_ bytes are back, of which differing_ were different.
    std::chrono::nanoseconds timeout_;
    std::deque<Probe> probes_;
    std::size_t overdue_count_ = 0;
    std::size_t matched_ = 0;
    std::size_t differing_ = 0;
    std::size_t first_difference_ = 0;
    std::uint64_t surplus_bytes_ = 0;
};

}  // namespace mynah::client
