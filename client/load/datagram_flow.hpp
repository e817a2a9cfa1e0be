// datagram_flow.hpp -- a flow of a load over one UDP socket: each message is a datagram, and so is its answer.
//
// What     see Flow. A datagram bears the run's number, the connection's and its own, and a stretch of the Pattern that
//          follows from the last two; it is matched by them, so it may come late, twice or after a later one. One that
//          is not back in time is lost, and makes room for the next; the flow goes on. What bears other numbers is
//          foreign. Where nothing has come back to the whole load, a refusal ends the flow: nobody listens there.
//          A send that the kernel does not take at once goes on in a task of its own.
// Threads  all on the worker of the socket.
// Cost     for a batch of datagrams: one receive, one send, one look at the clock, and a copy of what is sent.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "client/datagrams_in_flight.hpp"
#include "client/load/flow.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/options.hpp"
#include "client/load/tally.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/result.hpp"

namespace mynah::client::load {

class DatagramFlow final : public Flow {
  public:
    /// The socket is connected.
    DatagramFlow(Shared shared, net::DatagramSocket socket, std::uint64_t index, std::uint64_t stride);

    /// What a socket of such a load receives with.
    static net::DatagramOptions socket_options(const Options& options);

    conc::Task<void> run() override;
    bool wants_to_send() const noexcept override { return first_unsent() < in_flight_.next() && !sending_ && !ended_; }
    conc::Task<void> send() override;
    void check(conc::TimePoint now) override;
    void abandon() override;

  private:
    using OnTheirWay = DatagramsInFlight<Message>;

    bool has_room() const noexcept override { return !ended_ && in_flight_.awaited() < depth_; }
    void put_into_flight(const Message& message) override { in_flight_.push(message); }

    conc::Task<void> push();
    void begin_send(net::DatagramBatch& batch);
    void end_send(const net::DatagramsSent& sent);

    bool take(const net::Result<net::DatagramBatch>& batch, conc::TimePoint now);
    void take(std::span<const std::byte> bytes, conc::TimePoint now);
    void settle(std::uint64_t sequence, std::span<const std::byte> bytes, conc::TimePoint now);
    bool verify(std::uint64_t sequence, std::span<const std::byte> bytes);
    void lose_overdue(conc::TimePoint now);
    void refused(std::error_code error);
    void end(Fate fate, const std::string& why);
    conc::Task<void> listen_for_more();

    std::span<const std::byte> body_of(std::uint64_t sequence, std::size_t bytes) const noexcept;
    bool is_through(conc::TimePoint now) const noexcept {
        return in_flight_.awaited() == 0 && shared().schedule->is_over(now);
    }
    /// What was given up before it was sent is not sent any more.
    std::uint64_t first_unsent() const noexcept { return std::max(first_unsent_, in_flight_.oldest_sequence()); }

    net::DatagramSocket socket_;
    std::size_t depth_;
    OnTheirWay in_flight_{0};
    std::uint64_t first_unsent_ = 0;
    std::uint64_t highest_ = 0;    // of those that were verified
    std::vector<std::byte> room_;  // for the datagrams of one send
    bool sending_ = false;         // somebody sends, and goes on until nothing is unsent
    bool abandoned_ = false;
    bool ended_ = false;
};

}  // namespace mynah::client::load
