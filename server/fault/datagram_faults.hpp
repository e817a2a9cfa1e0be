// datagram_faults.hpp -- what happens to the datagrams of one UDP socket before they are echoed.
// What     DatagramFaultPlan gives each datagram's fate: the same for the same rules, seeds and numbers. DatagramFaults
//          carries it out: it takes datagrams, and gives what is ready to be sent, one by one.
// Order    datagrams are numbered from 1 as they are taken, so after the guard and the rate limit. One that is delayed
//          is not reordered as well. One that is dropped has no other fault.
// Threads  one at a time.
// Bounds   what is held back: kMostHeldBytes of datagrams, in buffers that may be twice as large; beyond them datagrams
//          are neither delayed nor reordered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "conc/event_source.hpp"
#include "net/datagram_batch.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/fault/listener_faults.hpp"

namespace mynah::server {

struct DatagramFate {
    bool dropped = false;
    bool duplicated = false;
    std::optional<std::uint64_t> corruption;  // which byte, modulo the size, and how: corrupt_one()
    std::chrono::milliseconds delay{0};       // 0: none
    std::uint64_t overtaken_by = 0;           // so many go first

    friend bool operator==(const DatagramFate&, const DatagramFate&) = default;
};

class DatagramFaultPlan {
  public:
    /// `number` is the socket's at its listener. The rules outlive the plan.
    DatagramFaultPlan(std::span<const FaultRule> rules, std::uint64_t number);

    /// The next datagram's.
    DatagramFate next();

  private:
    struct Track {
        const FaultRule* rule;
        FaultPlaces places;
    };

    std::vector<Track> tracks_;
    std::uint64_t datagram_ = 0;
};

/// Changes one of the bytes, if there are any.
void corrupt_one(std::span<std::byte> bytes, std::uint64_t draw);

class DatagramFaults {
  public:
    static constexpr std::size_t kMostHeldBytes = std::size_t{16} << 20U;

    DatagramFaults(const ListenerFaults& listener, std::uint64_t number)
        : plan_(listener.rules(), number), counters_(listener.counters()) {}

    /// Copies what it will send.
    void take(const net::DatagramBatch& batch, conc::TimePoint now);

    /// The next one to send; nullopt: none at this time.
    std::optional<net::DatagramBatch> next_ready(conc::TimePoint now);

    /// When one that is delayed falls due.
    std::optional<conc::TimePoint> next_due() const;

    /// All that is held back is ready now.
    void release_all();

  private:
    void take_one(net::DatagramBatch one, conc::TimePoint now);
    void place(net::DatagramBatch one, const DatagramFate& fate, conc::TimePoint now);
    void release_overtaken();

    DatagramFaultPlan plan_;
    FaultCounters& counters_;
    std::uint64_t taken_ = 0;
    std::size_t held_bytes_ = 0;  // of delayed_ and overtaken_
    std::deque<net::DatagramBatch> ready_;
    std::multimap<conc::TimePoint, net::DatagramBatch> delayed_;
    std::multimap<std::uint64_t, net::DatagramBatch> overtaken_;  // by the number of whom they follow
};

}  // namespace mynah::server
