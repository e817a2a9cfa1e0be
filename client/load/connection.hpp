// connection.hpp -- a flow of a load over one connection: sends what is due, and proves what comes back.
//
// What     see Flow. A send that the kernel does not take at once goes on in a task of its own, so that receiving never
//          stops.
// Threads  all on the worker of the stream.
// Cost     for a batch of messages: one receive, one send, one look at the clock. No allocation, timer or channel for a
//          message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

#include "client/load/fault.hpp"
#include "client/load/flow.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/tally.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client::load {

class Connection final : public Flow {
  public:
    Connection(Shared shared, net::Stream stream, std::uint64_t index, std::uint64_t stride);

    conc::Task<void> run() override;
    bool wants_to_send() const noexcept override { return unsent_ > 0 && !sending_; }
    conc::Task<void> send() override;

    /// Gives the connection up where its oldest message is overdue; ends it where it is over and idle.
    void check(conc::TimePoint now) override;
    void abandon() override;

  private:
    bool has_room() const noexcept override { return !ended_ && in_flight_.size() < depth_; }
    void put_into_flight(const Message& message) override;
    net::SendAwaiter begin_send(conc::Duration timeout) noexcept;
    void end_send(const net::Result<void>& sent, std::size_t left);
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

    /// The schedule has ended, and all is back.
    bool is_through(conc::TimePoint now) const noexcept {
        return in_flight_.empty() && shared().schedule->is_over(now);
    }
    /// Bytes that have been handed to the kernel and have not come back.
    std::uint64_t awaited() const noexcept { return handed_over_ - received_; }

    net::Stream stream_;
    std::size_t depth_;

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
