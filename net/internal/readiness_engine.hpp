// readiness_engine.hpp -- operations on top of a system call that only says what is ready: try, wait, try again.
//
// What     one for select(2), poll(2) and epoll(7); what differs is in the Poller.
// Cost     a receive after a short one waits first and a send is tried first, so no system call is wasted. A read that
//          has finished stays watched until it was reported once for nothing, since the next one usually comes first.
//          With epoll a stream stays registered for its life. What a wait has found is served one by one, each when its
//          task is about to run: so one buffer, warm in the cache, is enough for all that are ready.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "net/internal/engine.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/wake_up.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - slots_[fd].reader and .writer are the operations pending on fd; pending_ counts them all.
/// - What an operation waits for is watched (a pause waits for nothing). More may be watched for a while.
/// - ready_[served_] and what follows were found by the last wait and are not served yet; the poller is not asked again
///   before they are. Tasks run in between, and may submit operations and close descriptors: what was found is a hint
///   to try, and an operation that cannot be tried is `doubted` where it is younger than the hint.
class ReadinessEngine final : public Engine {
  public:
    ReadinessEngine(Driver& driver, WakeUp& wake_up, std::unique_ptr<Poller> poller);

    void poll(std::optional<conc::TimePoint> until) override;
    void serve_next() noexcept override;
    bool armed() const noexcept override { return pending_ > 0; }

    bool submit(Operation& operation) override;
    void cancel(Operation& operation) override;
    void withdraw(Operation& operation) noexcept override;
    std::error_code admit(int fd) override;
    void forget(int fd) noexcept override;
    std::string_view name() const noexcept override { return poller_->name(); }
    bool outgrown() const noexcept override { return pending_ > poller_->suits(); }
    std::vector<Operation*> take_all() noexcept override;

  private:
    struct Slot {
        Operation* reader = nullptr;
        Operation* writer = nullptr;
        Interest watched = kNothing;
        bool drained = false;  // the receive queue was seen empty, and no event has come since
        bool ended = false;    // the end of the stream, or an error, was reported: edge-triggered it is not said again
    };

    Slot& slot_of(const Operation& operation) noexcept;
    bool submit_any(Operation& operation);
    bool ends_or_waits(Slot& slot, Operation& operation);
    std::error_code watch_more(int fd, Slot& slot, Interest direction);
    void watch(int fd, Slot& slot, Interest interest);
    void date_later(Operation& operation) noexcept;
    void date_all(conc::TimePoint time) noexcept;
    void drop_undated(const Operation& operation) noexcept;
    bool stays_watched(const Operation& operation) const noexcept;

    void wait_for_events(conc::TimePoint end, conc::TimePoint time);
    bool has_unserved() const noexcept { return served_ < ready_.size(); }
    void look_ahead() const noexcept;
    void serve(Ready ready);
    void serve_direction(int fd, Slot& slot, Operation* operation, Interest direction);
    void expire(conc::TimePoint time);
    void end_late(Operation& operation) override;
    void detach(Operation& operation) noexcept;
    void finish(Operation& operation) noexcept;
    void fail(Operation* operation, std::error_code error) noexcept;

    std::unique_ptr<Poller> poller_;
    const bool edge_triggered_;  // the poller's
    std::vector<Slot> slots_;    // by descriptor
    std::vector<Ready> ready_;
    std::size_t served_ = 0;  // how many of ready_
    std::size_t pending_ = 0;
    std::array<Operation*, 16> undated_{};  // pending, with a timeout that begins when the clock is read next
    std::size_t undated_count_ = 0;
};

}  // namespace mynah::net::internal
