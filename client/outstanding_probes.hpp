// outstanding_probes.hpp -- the probes of a ping that are on their way.
//
// What     OutstandingProbes is given each probe as it leaves, and what comes back, and tells what became of each.
//          StreamProbes matches a stream's bytes in their order, DatagramProbes datagrams by their sequence numbers.
// Threads  one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
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

struct Reply {
    std::uint64_t sequence = 0;
    std::size_t size = 0;                                // bytes
    std::optional<std::chrono::nanoseconds> round_trip;  // nullopt: a duplicate of one that was sent too long ago
    bool overdue = false;                                // it had been given up
    bool duplicate = false;                              // another answer to a probe that had one
    bool reordered = false;                              // a later probe was answered before
    std::size_t differing_bytes = 0;                     // 0: as it was sent; bytes too many or too few count as well
    std::size_t first_difference = 0;
};

/// What came back at a time.
struct Replies {
    std::vector<Reply> replies;
    std::optional<std::size_t> foreign_bytes;  // of what belongs to no probe, where something does
};

class OutstandingProbes {
  public:
    OutstandingProbes() = default;
    OutstandingProbes(const OutstandingProbes&) = delete;
    OutstandingProbes& operator=(const OutstandingProbes&) = delete;
    virtual ~OutstandingProbes() = default;

    virtual void sent(Probe probe) = 0;

    /// Takes what came back: any piece of a stream, or one datagram.
    virtual Replies received(std::span<const std::byte> bytes, ProbeTime now) = 0;

    /// Gives up the probes whose time is over; returns their numbers, each once. They may still be answered.
    virtual std::vector<std::uint64_t> expire(ProbeTime now) = 0;

    /// When the next probe will be given up.
    virtual std::optional<ProbeTime> next_expiry() const = 0;

    /// Gives up what the end of a connection or a refusal takes with it; returns the numbers of those that had not
    /// been given up.
    virtual std::vector<std::uint64_t> abandon() = 0;

    /// Probes that are neither answered nor given up.
    virtual std::size_t waiting() const = 0;
};

}  // namespace mynah::client
