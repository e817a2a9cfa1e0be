// operation_awaiter.hpp -- brings an Operation to its endpoint's driver and the task back.
//
// What     at home an operation that needs no wait finishes in await_ready; else the task parks. Away from home the
//          awaiter is posted to the home driver, and the task goes on there.
// Resume   at home; after kAtOnceLimit operations in a row that needed no wait the task queues all the same, so that
//          one busy connection cannot keep the worker.
// Cancel   the destructor takes a pending operation out of the driver.
// Cost     no allocation.
#pragma once

#include <coroutine>
#include <memory>

#include "conc/internal/promise.hpp"
#include "net/internal/endpoint.hpp"
#include "net/operation.hpp"

namespace mynah::conc {
class Context;
}

namespace mynah::net::internal {

class OperationAwaiter : public conc::EventSource::Message {
  public:
    bool await_ready() noexcept { return start(); }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) noexcept {
        wait(conc::internal::park(where, conc::internal::WaitReason::io));
    }

  protected:
    /// `endpoint` is the handle's own reference; it is copied before the task can be suspended.
    OperationAwaiter(const std::shared_ptr<Endpoint>& endpoint, Operation::Kind kind, conc::Duration timeout) noexcept
        : endpoint_(endpoint) {
        operation_.kind = kind;
        operation_.timeout = timeout;
    }
    ~OperationAwaiter() {
        if (suspended_) [[unlikely]] {
            leave();
        }
    }

    /// Until settle(); not for an operation that failed.
    Endpoint& endpoint() const noexcept { return *at_; }

    /// Each await_resume does this.
    void settle() noexcept { leave(); }

    Operation operation_;
    const conc::Context* context_ = nullptr;  // cancelled: the operation does not wait

  private:
    bool start() noexcept;
    void wait(conc::internal::TaskRecord& task) noexcept;
    void deliver() noexcept final;
    bool submit(Endpoint& endpoint, Driver& home) noexcept;
    void leave() noexcept;

    const std::shared_ptr<Endpoint>& endpoint_;  // the handle's, not touched once suspended: the handle may go
    Endpoint* at_ = nullptr;                     // what it refers to, from start() on
    std::shared_ptr<Endpoint> kept_;             // away from home, from the suspension on: there it cannot enter()
    bool at_home_ = false;
    bool finished_ = false;
    bool suspended_ = false;
};

}  // namespace mynah::net::internal
