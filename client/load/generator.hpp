// generator.hpp -- runs a load from its first connection to its last answer.
//
// What     run() connects, sends for as long as the options say, waits for what is in flight, and reports. One task a
//          connection; in an open loop one more that sends what falls due; one that watches over time and timeouts.
// Threads  run() once, on a scheduler with one worker: all that it starts shares its state without locks.
// Cancel   `stop` ends the sending, what is in flight is waited for; `abort` ends the waiting too.
// Errors   in the Report.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "client/console.hpp"
#include "client/latency_histogram.hpp"
#include "client/load/dial.hpp"
#include "client/load/flow.hpp"
#include "client/load/options.hpp"
#include "client/load/pattern.hpp"
#include "client/load/processor_use.hpp"
#include "client/load/report.hpp"
#include "client/load/schedule.hpp"
#include "client/load/tally.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"

namespace mynah::client::load {

class Generator {
  public:
    Generator(Options options, Console* console, conc::Context stop, conc::Context abort);

    conc::Task<Report> run();

  private:
    conc::Task<void> measure(Dialled dialled);
    void make_flows(Dialled dialled);
    conc::Task<void> drive(Flow* flow);
    conc::Task<void> send_what_is_due();
    conc::Task<void> heed_interrupts();
    conc::Task<void> watch();

    conc::Duration until_next_look(conc::TimePoint now) const;
    void sample_processor(conc::TimePoint now);
    void show_progress();
    void summarise();

    Options options_;
    Console* console_;
    conc::Context stop_;
    conc::Context abort_;

    Pattern pattern_;
    Schedule schedule_;
    Tally tally_;
    conc::WaitGroup tasks_;
    std::vector<std::unique_ptr<Flow>> flows_;
    std::size_t live_ = 0;              // flows that have not ended
    conc::Channel<bool> all_ended_{0};  // closed then

    LatencyHistogram lag_;
    ProcessorTime processor_begin_;
    ProcessorTime processor_end_;
    conc::TimePoint processor_from_;
    conc::TimePoint processor_to_;
    bool sampled_begin_ = false;
    bool sampled_end_ = false;
    std::size_t shown_ = 0;  // intervals
    Report report_;
};

}  // namespace mynah::client::load
