#include "client/watch/stream_lane.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/connection.hpp"
#include "client/duration.hpp"
#include "client/load/dial.hpp"
#include "client/watch/account.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/lane.hpp"
#include "client/watch/records.hpp"
#include "client/watch/stream_auditor.hpp"
#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/lease.hpp"
#include "net/probe_frame.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client::watch {
namespace {

// Who closes after our FIN does so within a round trip; who does not, waits for us to go.
constexpr std::chrono::nanoseconds kEndOfStreamPatience = std::chrono::seconds(1);

StreamEnd end_of(Ending ending) {
    switch (ending) {
        case Ending::reset:
            return StreamEnd::reset;
        case Ending::timeout:
            return StreamEnd::silence;
        case Ending::finished:
        case Ending::fin:
        case Ending::abandoned:
            break;
    }
    return StreamEnd::fin;
}

}  // namespace

StreamLane::StreamLane(Shared shared, std::size_t index, net::Stream first)
    : Lane(std::move(shared), index), stream_(std::move(first)), backoff_(shared_.run + index) {}

conc::Task<void> StreamLane::run() {
    if (stream_.is_open()) {
        co_await serve();
    } else {
        begin_outage_from(account().started());
    }
    while (wants_connection()) {
        co_await pause();
        if (wants_connection()) {
            co_await connect();
        }
        if (stream_.is_open()) {
            co_await serve();
        }
    }
    for (const Owed& frame : owed_) {
        account().unrepaired(frame.bytes);
        account().missed(frame.bytes == 0 ? 1 : 0);
    }
    miss_the_rest(conc::now());
    end_outage_unserved(std::min(conc::now(), shared_.schedule->stops_at()));
}

/// While the watch goes on; and afterwards for as long as something is owed.
bool StreamLane::wants_connection() const noexcept {
    if (!is_stopping()) {
        return true;
    }
    return !owed_.empty() && !is_aborting() && conc::now() < give_up_at();
}

conc::Task<void> StreamLane::pause() {
    const conc::Duration wait = backoff_.next();
    if (owed_.empty()) {
        co_await conc::select(conc::after(wait), shared_.stopping.done());
    } else {
        co_await conc::select(conc::after(wait), shared_.aborting.done());
    }
}

conc::Task<void> StreamLane::connect() {
    auto stream = co_await connect_unless_cancelled(options().address, options().timeout,
                                                    owed_.empty() ? shared_.stopping : shared_.aborting);
    if (stream) {
        stream_ = std::move(*stream);
    } else if (stream.error() != std::errc::operation_canceled) {
        const std::string why = describe_connect_error(stream.error(), options().timeout);
        account().refused(record_.lane, fmt::format("{}: {}", load::kCannotConnect, why), conc::now(), true);
    }
}

conc::Task<void> StreamLane::serve() {
    begin_connection();
    const conc::Channel<bool> over(0);
    conc::WaitGroup sender;
    auto sending = [this, over] { return send_frames(over); };
    sender.go(std::move(sending));
    const Ending ending = co_await receive_frames();
    peer_is_through_ = true;
    over.close();
    if (ending == Ending::timeout) {
        stream_.reset();  // the kernel would go on for long to bring the peer what it does not take
    } else {
        stream_.close();
    }
    co_await sender.wait();
    end_connection(ending);
}

void StreamLane::begin_connection() {
    const conc::TimePoint now = conc::now();
    open_record(stream_.local(), stream_.peer(), now);
    skip_missed(now);
    auditor_.emplace(shared_.run, record_.connection);
    is_connected_ = true;
    peer_is_through_ = false;
    is_overdue_ = false;
    is_half_closed_ = false;
    still_read_.reset();
    send_error_.clear();
    offset_ = 0;
    in_flight_.clear();
    damage_.clear();
}

void StreamLane::end_connection(Ending ending) {
    const conc::TimePoint now = conc::now();
    is_connected_ = false;
    const std::uint64_t sent = auditor_->decided() + auditor_->outstanding();
    auditor_->end(end_of(ending), now);
    audit(now);
    std::deque<Owed> owed;
    for (const InFlight& frame : in_flight_) {
        if (frame.begin >= sent) {
            owed.push_back({.planned = frame.planned, .bytes = frame.owed});  // nothing of it has gone out
        } else if (end_of(ending) == StreamEnd::fin) {
            // It is owed as a whole; but lost is no more of it than was sent, and is not back.
            const std::uint64_t begin = std::max(frame.begin, auditor_->decided());
            const std::uint64_t lost = std::min(frame.end, sent) - std::min(begin, sent);
            owed.push_back({.planned = frame.planned, .bytes = std::max(frame.owed, lost)});
        }
    }
    // They were sent before those that could not be sent again yet.
    owed_.insert(owed_.begin(), owed.begin(), owed.end());
    if (ending == Ending::fin && is_half_closed_ && owed.empty()) {
        ending = Ending::finished;
    }
    if (ending != Ending::finished && !is_stopping()) {
        begin_outage(ending);
    }
    record_.bytes = auditor_->counts();
    close_record(ending, now);
}

/// Until there is nothing more to send on this connection; then ends our side of it.
conc::Task<void> StreamLane::send_frames(conc::Channel<bool> over) {
    while (!peer_is_through_) {
        const conc::TimePoint now = conc::now();
        const auto next = take_next(now);
        if (!next) {
            if (is_stopping()) {
                half_close();
                co_return;
            }
            co_await conc::select(conc::after(until_due(now)), shared_.stopping.done(), over.recv_case());
            continue;
        }
        put_in_flight(*next, now);
        auto sending = stream_.send_all(frame_);
        const auto sent = co_await sending;
        if (!sent) {
            // The receiver finds the end as well, and what came back before it.
            send_error_ = sent.error();
            // The frame is owed as a whole all the same.
            auditor_->take_back_sent(sending.unsent_bytes());
            if (sending.unsent_bytes() == frame_.size()) {
                take_back_frame(frame_.size(), next->bytes > 0);
            }
            co_return;
        }
    }
}

/// What is to be sent now, if there is anything.
std::optional<StreamLane::Owed> StreamLane::take_next(conc::TimePoint now) {
    if (!owed_.empty()) {
        const Owed next = owed_.front();
        owed_.pop_front();
        return next;
    }
    if (!has_frame(now)) {
        return std::nullopt;
    }
    return Owed{.planned = take_due(), .bytes = 0};
}

void StreamLane::put_in_flight(const Owed& next, conc::TimePoint now) {
    frame_.clear();
    net::append_probe(make_frame(next.planned, next.bytes > 0, offset_, now), frame_);
    auditor_->sent(frame_);
    in_flight_.push_back(
        {.planned = next.planned, .sent = now, .begin = offset_, .end = offset_ + frame_.size(), .owed = next.bytes});
    offset_ += frame_.size();
}

void StreamLane::half_close() {
    is_half_closed_ = true;
    half_closed_at_ = conc::now();
    (void)stream_.shutdown_send();  // it fails only where the connection is gone, which the receiver finds
}

conc::Task<Ending> StreamLane::receive_frames() {
    for (;;) {
        const auto lease = co_await stream_.receive();
        const conc::TimePoint now = conc::now();
        account().advance(now);
        if (lease && !lease->empty()) {
            record_.received += lease->size();
            auditor_->received(lease->bytes(), now);
            audit(now);
            if (still_read_) {
                if (lease->size() >= *still_read_) {
                    co_return given_up();
                }
                *still_read_ -= lease->size();
            }
            continue;
        }
        co_return ending_of(lease);
    }
}

/// What the last receive means. A reset that a send was told of is not told again: the receive finds the stream ended.
Ending StreamLane::ending_of(const net::Result<net::Lease>& last) {
    if (!last && last.error() == std::errc::operation_canceled) {
        return given_up();
    }
    const std::error_code error = last ? send_error_ : last.error();
    if (error == std::errc::timed_out) {
        record_.error = error.message();
        return Ending::timeout;
    }
    // EPIPE: it had sent its FIN before.
    if (last && error != std::errc::connection_reset) {
        return Ending::fin;
    }
    record_.error = error.message();
    return Ending::reset;
}

Ending StreamLane::given_up() {
    if (is_aborting()) {
        return Ending::abandoned;
    }
    if (is_overdue_) {
        record_.error = fmt::format("no answer within {}", format_duration(options().timeout));
        return Ending::timeout;
    }
    return Ending::finished;
}

/// Bytes that are there already are read all the same; but no more than can be echoes, as some peers send for ever.
void StreamLane::stop_receiving() {
    if (!still_read_) {
        still_read_ = auditor_->outstanding();
    }
    stream_.interrupt();
}

/// Takes from the auditor what is decided by now.
void StreamLane::audit(conc::TimePoint now) {
    const std::vector<Incident> incidents = auditor_->take_incidents();
    notice(incidents);
    for (const Incident& incident : incidents) {
        if (incident.kind == IncidentKind::silent || incident.kind == IncidentKind::corrupted) {
            damage_.push_back({.begin = incident.offset, .end = incident.offset + incident.bytes});
        }
    }
    while (!in_flight_.empty() && in_flight_.front().end <= auditor_->decided()) {
        const InFlight frame = in_flight_.front();
        in_flight_.pop_front();
        if (is_damaged(frame)) {
            continue;
        }
        ++record_.frames_echoed;
        account().echoed(now - frame.planned, now - frame.sent);
        worked(now);
        backoff_.succeeded();
    }
    const std::uint64_t still_of_interest = in_flight_.empty() ? auditor_->decided() : in_flight_.front().begin;
    std::erase_if(damage_, [still_of_interest](const Damage& one) { return one.end <= still_of_interest; });
}

bool StreamLane::is_damaged(const InFlight& frame) const noexcept {
    return std::ranges::any_of(damage_,
                               [&frame](const Damage& one) { return one.begin < frame.end && one.end > frame.begin; });
}

void StreamLane::check(conc::TimePoint now) {
    if (!is_connected_ || peer_is_through_) {
        return;
    }
    if (is_aborting()) {
        stop_receiving();
        return;
    }
    const bool waits = !in_flight_.empty();
    if (waits && (now - in_flight_.front().sent >= options().timeout || (is_stopping() && now >= give_up_at()))) {
        is_overdue_ = true;
        stop_receiving();
    }
    if (!waits && is_half_closed_ && now - half_closed_at_ >= std::min(kEndOfStreamPatience, options().timeout)) {
        stop_receiving();
    }
}

}  // namespace mynah::client::watch
