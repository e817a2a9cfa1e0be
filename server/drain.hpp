// drain.hpp -- what happens between the first SIGTERM and the exit.
// Contract every byte read before our FIN is echoed; it is a FIN, never a RST; what arrives later is counted and
//          reported. Except for who is cut: the kernel resets a connection that is closed with bytes unread.
//
//   phase      begins with                 what happens in it                               ends with
//   serving    the start                   connections come and go                          SIGTERM or SIGINT
//   not_ready  the first signal            still accepting: load balancers need time        drain.grace, 2nd signal
//   draining   end of the grace            listeners take what is queued, then stop, and    drain.spread, 2nd signal
//                                          so do the datagram sockets; each session is
//                                          asked to close at a quiet moment, one after the
//                                          other over drain.spread
//   closing    the last session was asked  sessions end; at drain.timeout (from the end of  the last session's end,
//                                          the grace on) or a 3rd signal the rest is cut;   ledger flushed
//                                          datagrams are counted as late until then
//   stopped    nothing is left             the summary is logged                            exit: 0, or 3 with cuts
//
// Threads  run() is one task; phase() may be read from anywhere.
#pragma once

#include <atomic>
#include <cstdint>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"
#include "server/configuration.hpp"
#include "server/datagram_service.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {

class Drain {
  public:
    /// `signals` yields one value for each signal. `datagrams`: nullptr where there is no such service.
    Drain(const Configuration::Drain& configuration, conc::Receiver<int> signals, Reception& reception,
          SessionSet& sessions, std::atomic<DrainPhase>& phase, DatagramService* datagrams = nullptr);

    /// Waits for the first signal and then goes through the phases up to `closing`; returns when every session has
    /// ended.
    conc::Task<void> run();

    /// The last phase, with its summary; once the ledger is flushed.
    void stopped();

  private:
    void enter(DrainPhase phase);
    conc::Task<void> wait_unless_hurried(conc::Duration time);
    conc::Task<void> ask_sessions_to_close();
    conc::Task<void> wait_or_cut(conc::Receiver<conc::Unit> done, conc::TimePoint deadline);
    void note_signal();

    const Configuration::Drain& configuration_;
    conc::Receiver<int> signals_;
    Reception& reception_;
    SessionSet& sessions_;
    std::atomic<DrainPhase>& phase_;
    DatagramService* datagrams_;
    int signals_seen_ = 0;  // by run(), the only task that receives from signals_
    bool cut_ = false;
};

}  // namespace mynah::server
