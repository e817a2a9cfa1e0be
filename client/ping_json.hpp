// ping_json.hpp -- a ping's report for programs: schema mynah-ping/1.
//
// What     what a ping was asked for, what became of each probe, and the statistics. What is added to it later leaves
//          the rest as it is. Times are in nanoseconds where a name ends in ns, or says so by a "unit" beside it.
#pragma once

#include <chrono>
#include <string>

#include "client/command_line.hpp"
#include "client/exit_status.hpp"
#include "client/ping_journal.hpp"
#include "client/round_trips.hpp"

namespace mynah::client {

struct PingReport {
    PingOptions options;
    std::chrono::system_clock::time_point started;
    ProbeTime began_at;  // the same moment, by the clock of the probes
    std::chrono::nanoseconds elapsed{0};
    ExitStatus status = ExitStatus::unreachable;
    bool interrupted = false;
    std::string error;  // why there was no ping at all; empty: there was
    PingTally tally;
    RoundTrips trips;
    PingJournal journal;
};

std::string to_json(const PingReport& report);

}  // namespace mynah::client
