// resume_on.hpp -- moves the running task to another worker.        (no counterpart in Go)
//
// What     co_await resume_on(source): the task goes on on the worker that owns `source`. It may be stolen from there
//          at its next wait; a task that waits for the source's own operations always comes back to it.
// Threads  from any task.
// Resume   on the source's home worker; at once where the task runs there already.
// Cancel   not applicable: it waits for nothing but its turn.
// Errors   none.
// Cost     one short lock.
#pragma once

#include <coroutine>

#include "conc/event_source.hpp"
#include "conc/internal/promise.hpp"

namespace mynah::conc {
namespace internal {

class [[nodiscard]] ResumeOnAwaiter final : public EventSource::Message {
  public:
    explicit ResumeOnAwaiter(EventSource& source) noexcept : source_(source) {}

    bool await_ready() const noexcept { return source_.at_home(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) noexcept {
        task_ = &park(where, WaitReason::none);
        source_.post(*this);
    }
    void await_resume() const noexcept {}

  private:
    void deliver() noexcept override { source_.complete(*task_); }

    EventSource& source_;
    TaskRecord* task_ = nullptr;
};

}  // namespace internal

inline internal::ResumeOnAwaiter resume_on(EventSource& source) noexcept {
    return internal::ResumeOnAwaiter(source);
}

}  // namespace mynah::conc
