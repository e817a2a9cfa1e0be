// watcher.hpp -- runs a watch from its first connection to its last byte.
//
// What     run() connects, keeps its lanes sending for as long as the options say, waits for what is outstanding, and
//          reports. One task a lane and one for each connection's sends; one that looks at timeouts, and shows how it
//          goes.
// Threads  run() once, on a scheduler with one worker: all that it starts shares its state without locks.
// Cancel   `stop` ends the sending, what is outstanding is waited for; `abort` ends the waiting too.
// Errors   in the Report.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/console.hpp"
#include "client/load/schedule.hpp"
#include "client/watch/account.hpp"
#include "client/watch/lane.hpp"
#include "client/watch/live_view.hpp"
#include "client/watch/options.hpp"
#include "client/watch/report.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/stream.hpp"

namespace mynah::client::watch {

class Watcher {
  public:
    Watcher(Options options, Console* console, conc::Context stop, conc::Context abort);

    conc::Task<Report> run();

  private:
    conc::Task<void> make_lanes();
    Shared shared() noexcept;
    void begin();
    conc::Task<void> drive(Lane* lane);
    conc::Task<void> heed_interrupts();
    conc::Task<void> look_after();
    conc::Duration until_next_look(conc::TimePoint now) const;
    void summarise();

    Options options_;
    conc::Context stop_;
    conc::Context abort_;
    conc::CancelableContext stopping_;
    load::Schedule schedule_;
    Account account_;
    LiveView live_;
    Report report_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::size_t running_ = 0;           // lanes
    conc::Channel<bool> all_ended_{0};  // closed then
    conc::WaitGroup tasks_;
};

}  // namespace mynah::client::watch
