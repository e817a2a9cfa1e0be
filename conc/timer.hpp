// timer.hpp -- a moment, or a beat, as values of a channel.         Go: time.Timer, time.Ticker
//
// What     Timer timer(d): one value, the time, can be received from timer.channel() once d has passed; stop() and
//          reset(d) end or begin the wait anew. Ticker ticker(d): a value every d; one that nobody has received when
//          the next is due is not followed by more: a slow receiver gets fewer ticks, never a burst.
// Threads  every member, from any task; reset() also arms the timer on the calling worker. Copies are the same timer.
// Order    the arming of a timer synchronizes-before the receive of its value.
// Resume   through the channel.
// Cancel   stop() at any time.
// Errors   Panic outside of a task, and for a ticker's period that is not positive.
// Cost     two allocations for each Timer or Ticker; arming, stopping and expiring are logarithmic in the timers armed
//          on the worker. sleep_for() and after() allocate nothing.
// Lifetime a timer whose last handle is gone does not fire, also where its channel is still held: that stays open, and
//          empty for ever. A value that was sent before can still be received, and a timer that is about to send when
//          its last handle goes does send.
// Differs  from Go before 1.23, and as in it: once stop() or reset() has returned, no value of an earlier moment can be
//          received any more. The channel is not closed by stop(). Unlike Go's since 1.23 it has a buffer of one value,
//          which shows: capacity() is 1, and size() is 1 once it has fired.
#pragma once

#include <memory>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"

namespace mynah::conc {
namespace internal {

class TimerState;

}  // namespace internal

class Timer {
  public:
    /// Fires once, `duration` from now (at once where that is not positive).
    explicit Timer(Duration duration);

    /// Where the time at which it fired arrives.
    Receiver<TimePoint> channel() const noexcept;
    /// True where the timer was armed, or its value not yet received: now there will be none.
    bool stop() noexcept;
    /// Stops it, and has it fire `duration` from now. As stop().
    bool reset(Duration duration);

  private:
    std::shared_ptr<internal::TimerState> state_;
};

class Ticker {
  public:
    explicit Ticker(Duration period);

    Receiver<TimePoint> channel() const noexcept;
    void stop() noexcept;
    /// Stops it, and has it tick every `period` from now on.
    void reset(Duration period);

  private:
    std::shared_ptr<internal::TimerState> state_;
};

}  // namespace mynah::conc
