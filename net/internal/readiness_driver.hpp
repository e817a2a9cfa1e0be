// readiness_driver.hpp -- operations on top of a system call that only says what is ready: try, wait, try again.
//
// What     one for select(2), poll(2) and epoll(7); what differs is in the Poller.
// Cost     a receive after a short one waits first and a send is tried first, so no system call is wasted. A read that
//          has finished stays watched until it was reported once for nothing, since the next one usually comes first.
//          With epoll a stream stays registered for its life.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "net/driver.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/wake_up.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - slots_[fd].reader and .writer are the operations pending on fd; pending_ counts them all.
/// - What an operation waits for is watched (a pause waits for nothing). More may be watched for a while.
/// - No pending operation has a deadline before nearest_, which may be earlier than any of them.
class ReadinessDriver final : public Driver {
  public:
    explicit ReadinessDriver(DriverKind kind);

    void poll(std::optional<conc::TimePoint> until) override;
    void wake() noexcept override { wake_up_.wake(); }
    bool armed() const noexcept override { return pending_ > 0; }
    std::optional<conc::TimePoint> next_deadline() const noexcept override;

    bool submit(Operation& operation) override;
    void cancel(Operation& operation) override;
    void withdraw(Operation& operation) noexcept override;
    std::error_code admit(int fd) override;
    void forget(int fd) noexcept override;
    std::string_view name() const noexcept override { return poller_->name(); }

  private:
    struct Slot {
        Operation* reader = nullptr;
        Operation* writer = nullptr;
        Interest watched = kNothing;
        bool drained = false;  // the receive queue was seen empty, and no event has come since
        bool ended = false;    // the end of the stream, or an error, was reported: edge-triggered it is not said again
    };

    Slot& slot_of(const Operation& operation) noexcept;
    bool submit_to(Slot& slot, Operation& operation);
    void watch(int fd, Slot& slot, Interest interest);
    void move_on();
    void move_to(std::unique_ptr<Poller> next);
    bool stays_watched(const Operation& operation) const noexcept;

    bool wait_for_events(std::optional<conc::TimePoint> until);
    void serve(Ready ready);
    void serve_direction(int fd, Slot& slot, Operation* operation, Interest direction);
    void expire(conc::TimePoint time);
    void expire(Operation* operation, conc::TimePoint time);
    void detach(Operation& operation) noexcept;
    void finish(Operation& operation) noexcept;
    void fail(Operation* operation, std::error_code error) noexcept;

    const DriverKind kind_;
    WakeUp wake_up_;
    std::unique_ptr<Poller> poller_;
    std::vector<Slot> slots_;  // by descriptor
    std::vector<Ready> ready_;
    std::size_t pending_ = 0;
    conc::TimePoint nearest_ = conc::TimePoint::max();
};

}  // namespace mynah::net::internal
