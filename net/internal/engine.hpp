// engine.hpp -- what a Driver does its work with: one for readiness (select, poll, epoll), one for io_uring.
//
// What     the operations of driver.hpp for one way to ask the kernel. A Driver may change its engine while operations
//          are pending: take_all() of the old one, hold() of the new one.
// Threads  the home worker's, and after the workers have stopped whichever thread destroys what is left.
// Errors   as driver.hpp says.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "conc/event_source.hpp"
#include "net/operation.hpp"

namespace mynah::net {
class Driver;
}

namespace mynah::net::internal {

class WakeUp;

/// Invariant: no pending operation has a deadline before nearest_, which may be earlier than any of them.
class Engine {
  public:
    Engine(Driver& driver, WakeUp& wake_up) noexcept : driver_(driver), wake_up_(wake_up) {}
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;

    // As EventSource and Driver have them.
    virtual void start() {}
    virtual void stop() noexcept {}
    virtual void poll(std::optional<conc::TimePoint> until) = 0;
    virtual void serve_next() noexcept {}
    virtual bool armed() const noexcept = 0;
    virtual bool submit(Operation& operation) = 0;
    virtual void cancel(Operation& operation) = 0;
    virtual void withdraw(Operation& operation) noexcept = 0;
    virtual std::error_code admit(int fd) = 0;
    virtual void forget(int fd) noexcept = 0;
    virtual std::string_view name() const noexcept = 0;

    std::optional<conc::TimePoint> next_deadline() const noexcept {
        return nearest_ == conc::TimePoint::max() ? std::nullopt : std::optional(nearest_);
    }

    /// So much is pending that another engine would do better.
    virtual bool outgrown() const noexcept { return false; }

    /// Gives up everything that is pending; nobody is resumed. Only for an engine that can be outgrown: it keeps
    /// nothing in the kernel.
    virtual std::vector<Operation*> take_all() noexcept { return {}; }

    /// submit() for what another engine has begun: it keeps its deadline.
    bool hold(Operation& operation);

  protected:
    conc::TimePoint now() const noexcept;
    void resume(Operation& operation) noexcept;
    void set_found(bool found) noexcept;

    /// Sets the deadline of an operation that is about to wait.
    void limit(Operation& operation, conc::TimePoint deadline) noexcept {
        operation.deadline = deadline;
        nearest_ = std::min(nearest_, deadline);
    }

    /// Ends an operation whose deadline has passed.
    virtual void end_late(Operation& operation) = 0;

    /// For every operation that is pending: notes it where its deadline has passed, or else lets it bound nearest_.
    void look_at_deadline(Operation* operation, conc::TimePoint time);

    /// Ends those that were noted, in the order of their deadlines.
    void end_all_late();

    Driver& driver_;
    WakeUp& wake_up_;
    conc::TimePoint nearest_ = conc::TimePoint::max();

  private:
    std::vector<Operation*> late_;
};

}  // namespace mynah::net::internal
