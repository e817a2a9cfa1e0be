// datagram_probes.hpp -- the probes of a ping over datagrams.
//
// What     make_datagram_probe() builds a probe, which is one datagram. A reply is matched by the sequence number in
//          it, so it may be lost, come late, twice, or after a later one, and each is told. What bears another run's
//          number, or that of no probe that was sent, is foreign.
// Threads  one at a time.
// Cost     that of DatagramsInFlight, and 8 KiB for the times of the last probes; the bytes of a probe are made anew to
//          compare.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/datagrams_in_flight.hpp"
#include "client/outstanding_probes.hpp"

namespace mynah::client {

/// What a datagram needs for the numbers that it is known by.
inline constexpr std::size_t kSmallestDatagramProbe = 8;

/// `size` bytes, at least kSmallestDatagramProbe: the run's number, the low 32 bits of the sequence number, each with
/// the most significant byte first, and a pattern that follows from both.
Probe make_datagram_probe(std::uint32_t run, std::uint64_t sequence, ProbeTime now, std::size_t size);

/// The number of which a datagram bears the low half: that of the last one before `next` that ends so; where there is
/// none, one that has not been sent.
std::uint64_t widen_sequence(std::uint32_t low, std::uint64_t next);

class DatagramProbes final : public OutstandingProbes {
  public:
    /// `run`: drawn by chance, to tell answers to this run from those to an earlier one. `size`: of each probe.
    DatagramProbes(std::uint32_t run, std::size_t size, std::chrono::nanoseconds timeout);

    /// In the order of their numbers, from 1; those that are left out were never sent.
    void sent(Probe probe) override;
    Replies received(std::span<const std::byte> bytes, ProbeTime now) override;
    std::vector<std::uint64_t> expire(ProbeTime now) override;
    std::optional<ProbeTime> next_expiry() const override;
    /// Gives up the oldest: a refusal does not say which datagram it is for, and each brings its own.
    std::vector<std::uint64_t> abandon() override;
    std::size_t waiting() const override { return in_flight_.awaited(); }

  private:
    using InFlight = DatagramsInFlight<ProbeTime>;

    // How many probes back it is known when one was sent that has been answered: for the time of a duplicate.
    static constexpr std::uint64_t kTimesKept = 1024;

    std::optional<std::uint64_t> number_of(std::span<const std::byte> bytes) const;
    void compare(std::span<const std::byte> bytes, Reply& reply) const;

    std::uint32_t run_;
    std::size_t size_;
    std::chrono::nanoseconds timeout_;
    InFlight in_flight_{1};
    std::vector<ProbeTime> sent_at_;  // of the last kTimesKept probes
    std::uint64_t highest_ = 0;       // of those that were answered in time, unchanged
};

}  // namespace mynah::client
