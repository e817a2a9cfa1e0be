// report.hpp -- all that a load has found out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/exit_status.hpp"
#include "client/latency_histogram.hpp"
#include "client/load/fault.hpp"
#include "client/load/options.hpp"
#include "client/load/processor_use.hpp"
#include "client/load/tally.hpp"
#include "client/machine.hpp"
#include "net/address.hpp"

namespace mynah::client::load {

/// What the generator knows of itself, over `time`, which is about the measured time.
struct GeneratorUse {
    ProcessorTime processor;
    std::chrono::nanoseconds time{0};
    LatencyHistogram lag;  // open loop: how much later than planned it sent where the connection had room

    /// Of one processor.
    double used_share() const { return share(processor.used); }
    /// Of the time: it could have run, and had no processor.
    double waited_share() const { return share(processor.waited); }

  private:
    double share(std::chrono::nanoseconds part) const {
        return time.count() > 0 ? static_cast<double>(part.count()) / static_cast<double>(time.count()) : 0.0;
    }
};

struct Report {
    Options options;
    std::chrono::system_clock::time_point started;
    Machine machine;
    std::string driver;  // that it ended with

    std::size_t connected = 0;
    std::chrono::nanoseconds connect_time{0};
    std::map<std::string, std::uint64_t> connection_failures;

    std::chrono::nanoseconds measured_time{0};  // in which messages were sent
    std::chrono::nanoseconds elapsed{0};        // until the last of them was back
    Outcomes measured;
    Outcomes warm_up;
    DatagramCounts datagrams;   // all zero but over UDP
    std::uint64_t planned = 0;  // open loop
    LatencyHistogram from_planned;
    LatencyHistogram from_sent;  // the same in a closed loop
    std::vector<Interval> intervals;
    std::vector<Fault> faults;
    std::uint64_t fault_count = 0;
    GeneratorUse generator;
    bool interrupted = false;

    bool is_open_loop() const { return options.rate.has_value(); }
    bool is_of_datagrams() const { return options.address.transport() == net::Transport::udp; }
    /// Open loop: due, and not sent before the end.
    std::uint64_t unsent() const { return planned > measured.sent ? planned - measured.sent : 0; }
    double messages_per_second() const;
    double bytes_per_second() const;
};

ExitStatus status_of(const Report& report);

/// Nothing was sent, or nothing of it was measured: the warm-up was not over.
bool is_empty(const Report& report);

/// What is counted of datagrams besides their fates, for a table: name and number.
std::vector<std::pair<std::string_view, std::uint64_t>> rows_of(const DatagramCounts& counts);

/// Sentences on what the reader should know before they trust the numbers: each one line, the gravest first.
std::vector<std::string> remarks_on(const Report& report);

/// "64 connections, depth 1, 64 bytes, closed loop, 10s after 1s of warm-up"
std::string describe_load(const Options& options);

std::string to_text(const Report& report);
std::string to_json(const Report& report);
std::string to_html(const Report& report);

}  // namespace mynah::client::load
