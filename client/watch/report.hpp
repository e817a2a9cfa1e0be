// report.hpp -- all that a watch has found out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/exit_status.hpp"
#include "client/latency_histogram.hpp"
#include "client/machine.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/fail_condition.hpp"
#include "client/watch/options.hpp"
#include "client/watch/reconciliation.hpp"
#include "client/watch/records.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

struct Report {
    Options options = {};
    std::uint64_t run = 0;
    std::chrono::system_clock::time_point started = {};
    conc::TimePoint began = {};  // the same moment: what events and records are counted from
    Machine machine = {};
    std::string not_connected = {};  // why the first connection could not be made; empty: it was
    bool interrupted = false;

    std::chrono::nanoseconds elapsed{0};
    ByteCounts bytes = {};
    std::uint64_t sent_again = 0;  // of bytes.sent
    std::uint64_t unrepaired = 0;  // of bytes.unacknowledged: never back on a later connection
    std::uint64_t frames_sent = 0;
    std::uint64_t frames_missed = 0;
    std::uint64_t down = 0;  // connections that had no service at the end
    Account::Endings endings = {};
    Bounded<ConnectionRecord> connections = {};
    Bounded<Outage> outages = {};
    LatencyHistogram outage_lengths = {};
    conc::Duration total_outage{0};
    std::uint64_t late = 0;  // bytes: datagrams that came after the timeout
    Bounded<Event> events = {};
    Bounded<Event> losses = {};
    std::vector<Second> seconds = {};
    LatencyHistogram from_planned = {};
    LatencyHistogram from_sent = {};
    std::optional<Reconciliation> reconciliation = {};  // with the ledgers that were asked for
};

/// Clean: nothing was reset, silent, corrupted, duplicated, misdelivered or foreign, and what was unacknowledged came
/// back when it was sent again. An application that sends again what a FIN leaves unacknowledged has lost nothing.
bool is_clean(const Report& report);

/// "clean" or "loss".
std::string_view verdict(const Report& report);

/// Of --fail-on, those that hold.
std::vector<FailCondition> failures(const Report& report);

ExitStatus status_of(const Report& report);

/// "10 connections, 100 frames/s of 256 bytes, 60s"
std::string describe_watch(const Options& options);

/// What has to be said of the verdict, a sentence each.
std::vector<std::string> remarks_on(const Report& report);

std::string to_text(const Report& report);
std::string to_json(const Report& report);
std::string to_html(const Report& report);

}  // namespace mynah::client::watch
