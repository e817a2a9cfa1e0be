// listener_faults.hpp -- the rules that apply to one configured listener, and the numbers of its connections.
// What     Faults holds a ListenerFaults for each address of `listen` that rules apply to, and the counters of all.
// Threads  number_one() and the counters: any. Immutable but for them. Outlives the sessions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_plan.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {

/// One accepted connection's share: its plan, and where its faults are counted.
struct SessionFaults {
    FaultPlan plan;
    FaultCounters* counters;
};

class ListenerFaults {
  public:
    ListenerFaults(std::vector<FaultRule> rules, FaultCounters& counters);
    ListenerFaults(const ListenerFaults&) = delete;
    ListenerFaults& operator=(const ListenerFaults&) = delete;

    /// The next connection's number: 1, 2, 3 ... in the order in which they are accepted.
    std::uint64_t number_one() noexcept { return numbered_.fetch_add(1, std::memory_order_relaxed) + 1; }

    /// Whether this connection is refused by RST; counted. One that is refused by FIN has that in its plan: it takes
    /// a session, as a socket that is closed while bytes are there sends a RST in place of the FIN.
    bool resets_at_once(std::uint64_t number);

    std::unique_ptr<SessionFaults> of_connection(std::uint64_t number) const;

    std::span<const FaultRule> rules() const noexcept { return rules_; }
    FaultCounters& counters() const noexcept { return counters_; }

  private:
    std::vector<FaultRule> rules_;
    FaultCounters& counters_;
    std::atomic<std::uint64_t> numbered_{0};
};

class Faults {
  public:
    /// Of all `listen`; warns in the log of each rule, so that nobody forgets that it is on.
    Faults(std::span<const FaultRule> rules, std::span<const std::string> listen);
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;

    /// nullptr: none, as for most daemons.
    ListenerFaults* of_listener(std::size_t index) { return listeners_[index] ? &*listeners_[index] : nullptr; }

    const FaultCounters& counters() const noexcept { return counters_; }

    /// "faults delay=0 stall=0 ..." in the log.
    void report() const;

  private:
    FaultCounters counters_;
    std::deque<std::optional<ListenerFaults>> listeners_;
};

}  // namespace mynah::server
