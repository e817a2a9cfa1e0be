// stream_lane.hpp -- keeps one connection over TCP or a unix socket alive, and accounts for its bytes.
//
// What     run() sends a frame whenever one is due, audits what comes back, and where the connection ends connects
//          again, with a Backoff. Frames of which bytes were unacknowledged when the peer ended a connection cleanly
//          are sent again on the next one, before all others. What was lost to a reset or in silence is not: nobody can
//          tell whether the peer has had it.
// Order    when the peer sends its FIN: nothing more is sent, what still comes is read to the end, then it is closed.
//          At the end of the watch we send ours, and read until the peer's.
// Threads  all on the worker of the stream.
// Cancel   see Lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <system_error>
#include <vector>

#include "client/watch/backoff.hpp"
#include "client/watch/lane.hpp"
#include "client/watch/records.hpp"
#include "client/watch/stream_auditor.hpp"
#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client::watch {

class StreamLane final : public Lane {
  public:
    /// `first`: the connection to begin with, if there is one.
    StreamLane(Shared shared, std::size_t index, net::Stream first);

    conc::Task<void> run() override;
    void check(conc::TimePoint now) override;

  private:
    struct InFlight {
        conc::TimePoint planned;
        conc::TimePoint sent;
        std::uint64_t begin;  // in the connection's stream
        std::uint64_t end;
        std::uint64_t owed;  // see Owed::bytes
    };
    /// A frame that is to be sent.
    struct Owed {
        conc::TimePoint planned;
        std::uint64_t bytes;  // that were unacknowledged at the end of an earlier connection
    };
    struct Damage {
        std::uint64_t begin;
        std::uint64_t end;
    };

    bool wants_connection() const noexcept;
    conc::Task<void> pause();
    conc::Task<void> connect();
    conc::Task<void> serve();
    void begin_connection();
    void end_connection(Ending ending);

    conc::Task<void> send_frames(conc::Channel<bool> over);
    std::optional<Owed> take_next(conc::TimePoint now);
    void put_in_flight(const Owed& next, conc::TimePoint now);
    void half_close();
    void stop_receiving();

    conc::Task<Ending> receive_frames();
    Ending ending_of(const net::Result<net::Lease>& last);
    Ending given_up();
    void audit(conc::TimePoint now);
    bool is_damaged(const InFlight& frame) const noexcept;

    net::Stream stream_;
    Backoff backoff_;
    std::deque<Owed> owed_;

    // Of the connection that is open.
    bool is_connected_ = false;
    bool peer_is_through_ = false;  // it has sent its FIN, or is gone
    bool is_overdue_ = false;
    bool is_half_closed_ = false;
    std::optional<std::uint64_t> still_read_;  // how many bytes, once nothing more is waited for
    conc::TimePoint half_closed_at_;
    std::optional<StreamAuditor> auditor_;
    std::uint64_t offset_ = 0;
    std::deque<InFlight> in_flight_;
    std::vector<Damage> damage_;  // to frames in flight
    std::vector<std::byte> frame_;
    std::error_code send_error_;
};

}  // namespace mynah::client::watch
