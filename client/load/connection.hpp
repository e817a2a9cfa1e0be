// connection.hpp -- one connection of a load: sends what is due, and proves what comes back.
//
// What     run() receives, compares and sends until it is over: the schedule has ended and all is back, or something
//          went wrong, which the Tally then knows. In an open loop the generator calls fill() when something is due.
//          A send that the kernel does not take at once goes on in a task of its own, so that receiving never stops.
// Threads  all on the worker of the stream.
// Cancel   leave_if_idle(), check() and abandon() end run() soon; the Connection must live until it has returned, and
//          until the task that pushes has ended, which is counted in `tasks`.
// Cost     for a batch of messages: one receive, one send, one look at the clock. No allocation, timer or channel for a
//          message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

#include "client/load/fault.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/options.hpp"
#include "client/load/pattern.hpp"
#include "client/load/schedule.hpp"
#include "client/load/tally.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client::load {

/// What the connections of a load share.
struct Shared {
    const Options* options;
    const Pattern* pattern;
    Schedule* schedule;
    Tally* tally;
    conc::WaitGroup* tasks;
};

class Connection {
  public:
    /// `index` and `stride`: its messages in an open loop are number index, index + stride, ...
    Connection(Shared shared, net::Stream stream, std::uint64_t index, std::uint64_t stride);

    conc::Task<void> run();

    /// Puts into flight what is due by now, as far as the depth allows. Then send, while wants_to_send().
    void fill(conc::TimePoint now);
    /// Open loop: whether it could send message `index`, and has not.
    bool awaits(std::uint64_t index) const noexcept { return has_room() && next_ == index; }

    // To be used as: while (c.wants_to_send()) { auto sending = c.begin_send(); auto sent = co_await sending;
    // c.end_send(sent, sending.unsent_bytes()); }
    bool wants_to_send() const noexcept { return unsent_ > 0 && !sending_; }
    net::SendAwaiter begin_send() noexcept { return begin_send(std::chrono::nanoseconds(0)); }
    void end_send(const net::Result<void>& sent, std::size_t left);

    /// Gives the connection up where its oldest message is overdue; ends it where it is over and idle.
    void check(conc::TimePoint now);
    /// Ends at once, with whatever is in flight.
    void abandon();

  private:
    net::SendAwaiter begin_send(conc::Duration timeout) noexcept;
    conc::Task<void> push();
    conc::Task<void> finish();

    bool take(const net::Result<net::Lease>& lease, conc::TimePoint now);
    bool verify(std::span<const std::byte> bytes, conc::TimePoint now);
    bool examine(std::span<const std::byte> bytes, std::uint64_t awaited, conc::TimePoint now);
    void accept(std::size_t bytes, conc::TimePoint now);
    void accept_changed(std::span<const std::byte> bytes, conc::TimePoint now);
    void complete(conc::TimePoint now);
    void end(Fate fate, const std::string& why);
    void report(Fault fault, std::uint64_t offset);
    std::uint64_t draw_size() noexcept;

    bool has_room() const noexcept { return !ended_ && in_flight_.size() < depth_; }
    /// The schedule has ended, and all is back.
    bool is_through(conc::TimePoint now) const noexcept { return in_flight_.empty() && shared_.schedule->is_over(now); }
    /// Bytes that have been handed to the kernel and have not come back.
    std::uint64_t awaited() const noexcept { return handed_over_ - received_; }

    Shared shared_;
    net::Stream stream_;
    std::uint64_t index_;
    std::uint64_t stride_;
    std::uint64_t next_;  // open loop: the message that is due next
    std::size_t depth_;
    std::uint64_t random_;

    InFlight in_flight_;
    std::uint64_t unsent_ = 0;          // bytes of messages in flight that are still to be sent
    std::size_t send_position_;         // in the pattern
    std::uint64_t handed_over_ = 0;     // bytes
    std::size_t attempted_ = 0;         // bytes of the send under way
    std::size_t receive_position_;      // in the pattern
    std::uint64_t received_ = 0;        // bytes
    std::uint64_t front_received_ = 0;  // bytes of the oldest message
    bool front_differs_ = false;
    bool sending_ = false;  // somebody sends, and goes on until nothing is unsent
    bool overdue_ = false;
    bool abandoned_ = false;
    bool ended_ = false;
    std::error_code send_error_;
};

}  // namespace mynah::client::load
