// metrics.hpp -- the numbers of a running mynahd, in the text format that Prometheus reads.
// What     Metrics has every number at one moment, as plain values; metrics_text() names, explains and prints them.
// Threads  any: pure.
// Units    seconds and bytes; counters end in _total.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/driver.hpp"
#include "server/datagram_service.hpp"
#include "server/fault/fault_counts.hpp"
#include "server/limits.hpp"
#include "server/process_usage.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/traffic.hpp"
#include "server/worker_probe.hpp"

namespace mynah::server {

struct Metrics {
    struct Worker {
        net::DriverKind driver = net::DriverKind::automatic;
        std::size_t connections = 0;
        DelayCounts delays = {};
    };
    struct Ledger {
        std::uint64_t written = 0;
        std::uint64_t lost = 0;
        std::uint64_t queued = 0;
    };

    std::string version = {};
    std::string instance = {};
    DrainPhase phase = DrainPhase::serving;
    std::size_t open = 0;  // sessions
    std::vector<AcceptedCount> accepted = {};
    std::array<std::uint64_t, kRefusals> refused = {};
    SessionSet::Totals sessions = {};
    Traffic::Totals tcp = {};
    Traffic::Totals unix_stream = {};
    std::optional<DatagramTotals> datagrams = {};  // nullopt: no udp listener
    std::optional<Ledger> ledger = {};             // nullopt: off
    std::optional<FaultCounts> faults = {};        // nullopt: none are committed
    std::vector<Worker> workers = {};
    std::size_t tasks = 0;
    std::uint64_t hogs = 0;
    ProcessUsage process = {};
};

[[nodiscard]] std::string metrics_text(const Metrics& metrics);

}  // namespace mynah::server
