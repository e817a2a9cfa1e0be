// live_view.hpp -- shows on standard error how a watch goes.
//
// What     each event on a line of its own. On a terminal below them a line that is rewritten every second; elsewhere
//          such a line every five seconds, among the events. Of the events of a second the first hundred are shown, and
//          how many more there were.
// Threads  one task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "client/console.hpp"
#include "client/watch/account.hpp"
#include "client/watch/records.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

class LiveView {
  public:
    LiveView(Console* console, Account* account) : console_(console), account_(account) {}

    /// To be called several times a second. `without_service`: how long the lane that waits longest has had no echo.
    void show(conc::Duration without_service);
    void end();

  private:
    void show_events();
    void begin_second();

    Console* console_;
    Account* account_;
    std::size_t shown_seconds_ = 0;
    std::size_t shown_events_ = 0;     // in the second that runs
    std::uint64_t hidden_events_ = 0;  // likewise
};

/// "12.345 s  connection 3 (lane 3): silent, 200 bytes at offset 4711"
std::string describe(const Event& event, conc::TimePoint started);

}  // namespace mynah::client::watch
