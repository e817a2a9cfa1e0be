// pinger.hpp -- decides when probes are due, and keeps the account of what became of each.
//
// What     run() asks the link for a probe at each interval, writes one line for each probe's fate on standard
//          output, and ends with the closing statistics: when all probes are settled, or when it is interrupted. The
//          same is in the report then; its journal is kept only where a report was asked for.
// Threads  run() once, from any task: one task owns the whole account. The Pinger must live until it returns.
// Errors   in the exit status, and on standard error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/outstanding_probes.hpp"
#include "client/ping_journal.hpp"
#include "client/ping_json.hpp"
#include "client/ping_link.hpp"
#include "client/round_trips.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client {

class Pinger {
  public:
    Pinger(PingOptions options, std::unique_ptr<OutstandingProbes> probes, Console* console, conc::Context interrupted);

    /// Runs the link too, which `stop_link` ends.
    conc::Task<ExitStatus> run(PingLink* link, conc::CancelFunc stop_link);

    /// Once, after run().
    PingReport take_report() { return std::move(report_); }

  private:
    conc::Task<void> ping_until_settled(PingLink* link);
    conc::Task<void> print();

    void handle(LinkEvent event, PingLink& link);
    void on_up();
    void on_down(std::error_code error, PingLink& link);
    void on_sent(Probe probe);
    void on_refused(std::error_code error);
    void on_bytes(const BytesBack& back);
    void on_reply(const Reply& reply);

    void ask_for_probe(PingLink& link);
    void give_up_overdue(ProbeTime now);
    void say_lost(std::uint64_t sequence, std::string_view why);

    bool settled() const;
    bool all_asked_for() const { return options_.count && tally().sent >= *options_.count; }
    ProbeTime next_wake() const;
    ExitStatus status() const;
    PingTally& tally() { return report_.tally; }
    const PingTally& tally() const { return report_.tally; }
    PingJournal* journal() { return options_.json_path.empty() ? nullptr : &report_.journal; }

    PingOptions options_;
    std::unique_ptr<OutstandingProbes> probes_;
    Console* console_;
    conc::Context interrupted_;
    std::string target_;

    PingReport report_;
    std::size_t queued_ = 0;  // asked for, and not sent yet
    bool connected_ = false;
    bool was_down_ = false;
    bool refused_ = false;  // since the last answer
    std::error_code down_reason_;
    ProbeTime next_due_;
    std::string lines_;  // to be printed
    std::error_code output_error_;
};

}  // namespace mynah::client
