#include "client/watch/lane.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "client/watch/incident.hpp"
#include "client/watch/records.hpp"
#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::chrono::hours kLong(1);  // the end of the watch comes before

}  // namespace

Lane::Lane(Shared shared, std::size_t index) : shared_(std::move(shared)), index_(index), next_(index) {
    record_.lane = index + 1;
}

conc::Duration Lane::time_without_service(conc::TimePoint now) const noexcept {
    return outage_ ? now - outage_->began : conc::Duration::zero();
}

conc::Duration Lane::until_due(conc::TimePoint now) const noexcept {
    const conc::TimePoint due = shared_.schedule->due(next_);
    return due < shared_.schedule->stops_at() ? due - now : kLong;
}

conc::TimePoint Lane::take_due() noexcept {
    const conc::TimePoint due = shared_.schedule->due(next_);
    next_ += options().connections;
    return due;
}

void Lane::skip_missed(conc::TimePoint now) {
    const std::uint64_t stride = options().connections;
    while (shared_.schedule->due(next_ + stride) <= std::min(now, shared_.schedule->stops_at())) {
        next_ += stride;
        account().missed(1);
    }
}

void Lane::miss_the_rest(conc::TimePoint now) {
    while (until_due(now) <= conc::Duration::zero()) {
        (void)take_due();
        account().missed(1);
    }
}

bool Lane::has_frame(conc::TimePoint now) {
    if (is_aborting()) {
        return false;
    }
    if (is_stopping()) {
        skip_missed(now);
    }
    return until_due(now) <= conc::Duration::zero();
}

void Lane::open_record(const net::Address& local, const net::Address& peer, conc::TimePoint now) {
    const bool again = record_.connection > 0;
    record_ = {.connection = account().next_connection(),
               .lane = index_ + 1,
               .local = local,
               .peer = peer,
               .opened = now,
               .closed = now,
               .last_echo = now};
    sequence_ = 0;
    account().opened(record_, again);
}

void Lane::close_record(Ending ending, conc::TimePoint now) {
    record_.closed = now;
    record_.ending = ending;
    account().closed(record_);
}

net::ProbeFrame Lane::make_frame(conc::TimePoint planned, bool again, std::uint64_t offset, conc::TimePoint now) {
    const net::ProbeFrame frame{
        .run = shared_.run,
        .connection = record_.connection,
        .sequence = sequence_++,
        .offset = offset,
        .planned = planned.time_since_epoch() + shared_.to_unix,
        .sent = now.time_since_epoch() + shared_.to_unix,
        .payload_bytes = static_cast<std::uint32_t>(options().frame_bytes - net::kProbeHeaderBytes),
        .again = again};
    ++record_.frames_sent;
    record_.sent_again += again ? frame.bytes() : 0;
    account().frame_sent(frame.bytes(), again);
    return frame;
}

void Lane::take_back_frame(std::size_t bytes, bool again) noexcept {
    --sequence_;
    --record_.frames_sent;
    record_.sent_again -= again ? bytes : 0;
    account().take_back_frame(bytes, again);
}

void Lane::notice(std::span<const Incident> incidents) {
    for (const Incident& incident : incidents) {
        account().noticed(record_, incident);
    }
}

void Lane::worked(conc::TimePoint now) {
    record_.last_echo = now;
    if (outage_) {
        outage_->after = record_.connection;
        outage_->ended = now;
        account().outage_ended(*outage_);
        outage_.reset();
    }
}

void Lane::begin_outage_from(conc::TimePoint time) {
    record_.last_echo = time;
    begin_outage(Ending::reset);
}

/// One that goes on goes on: a connection that brought no echo did not end it.
void Lane::begin_outage(Ending ending) {
    if (!outage_) {
        outage_ =
            Outage{.lane = record_.lane, .before = record_.connection, .ending = ending, .began = record_.last_echo};
    }
}

void Lane::end_outage_unserved(conc::TimePoint now) {
    if (outage_) {
        outage_->ended = std::max(now, outage_->began);
        account().outage_ended(*outage_);
        account().down(1);
        outage_.reset();
    }
}

}  // namespace mynah::client::watch
