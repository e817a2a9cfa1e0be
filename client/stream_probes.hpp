// stream_probes.hpp -- the probes of a ping over a stream.
//
// What     make_stream_probe() builds a probe. A reply is matched by content: the connection keeps bytes in order, so
//          the next bytes must be those of the oldest probe.
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

#include "client/outstanding_probes.hpp"

namespace mynah::client {

/// `size` bytes: the sequence number and the time, least significant byte first, then a pattern that the sequence
/// number rotates. A small probe has only the beginning of that.
Probe make_stream_probe(std::uint64_t sequence, ProbeTime now, std::size_t size);

class StreamProbes final : public OutstandingProbes {
  public:
    explicit StreamProbes(std::chrono::nanoseconds timeout) : timeout_(timeout) {}

    void sent(Probe probe) override;
    Replies received(std::span<const std::byte> bytes, ProbeTime now) override;
    std::vector<std::uint64_t> expire(ProbeTime now) override;
    std::optional<ProbeTime> next_expiry() const override;
    /// Forgets all probes, as their connection is gone.
    std::vector<std::uint64_t> abandon() override;
    std::size_t waiting() const override { return probes_.size() - overdue_count_; }

  private:
    // Invariant: the first overdue_count_ of probes_ have been given up: probes leave, and so expire, in order.
    // Of the first probe, matched_ bytes are back, of which differing_ were different.
    std::chrono::nanoseconds timeout_;
    std::deque<Probe> probes_;
    std::size_t overdue_count_ = 0;
    std::size_t matched_ = 0;
    std::size_t differing_ = 0;
    std::size_t first_difference_ = 0;
};

}  // namespace mynah::client
