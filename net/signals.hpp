// signals.hpp -- process signals as something a task awaits.         Go: signal.Notify
//
// What     while a SignalReceiver lives, its signals do not end the process: next() yields them one by one.
// Threads  one task at a time calls next(); cancel() from any task.
// Order    signals that come while nobody waits are kept and keep their order, up to 65,536.
// Errors   operation_canceled after cancel(). The constructor throws std::system_error: a number that cannot be
//          handled, no descriptors left, or 64 receivers already.
// Cost     a pipe; no thread.
#pragma once

#include <initializer_list>
#include <memory>

#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::net {

class SignalReceiver {
  public:
    SignalReceiver(std::initializer_list<int> signals);
    ~SignalReceiver();
    SignalReceiver(SignalReceiver&&) noexcept;
    SignalReceiver& operator=(SignalReceiver&&) noexcept;

    /// The number of the next signal.
    conc::Task<Result<int>> next();

    /// From now on next() returns operation_canceled, one that waits as well.
    void cancel();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace mynah::net
