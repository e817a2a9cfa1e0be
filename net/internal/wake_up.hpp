// wake_up.hpp -- ends a driver's sleep from another thread.           eventfd(2)
//
// Threads  wake: any; all else: the home worker.
// Order    what happens before wake() happens before the poll that it ends returns.
// Errors   the constructor throws std::system_error where there is no descriptor left.
// Cost     wake() costs a system call only where the worker sleeps, or is about to.
#pragma once

#include <cstdint>

#include "conc/internal/atomic.hpp"
#include "net/descriptor.hpp"

namespace mynah::net::internal {

/// The states: awake -> asleep (begin_sleep), any -> signalled (wake), any -> awake (end_sleep). A wake() that comes
/// before begin_sleep() is seen there; one that comes later finds `asleep` and writes to the descriptor. So none is
/// lost.
class WakeUp {
  public:
    WakeUp();

    int fd() const noexcept { return descriptor_.get(); }
    void wake() noexcept;

    /// False: somebody has called wake() already, so do not sleep.
    bool begin_sleep() noexcept;

    /// After every poll, whether it slept or not.
    void end_sleep() noexcept;

    /// The descriptor was readable.
    void drain() noexcept;

  private:
    enum class State : std::uint8_t { awake, asleep, signalled };

    Descriptor descriptor_;
    conc::internal::Atomic<State> state_{State::awake};
};

}  // namespace mynah::net::internal
