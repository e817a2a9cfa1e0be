#include "client/watch/datagram_lane.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/watch/account.hpp"
#include "client/watch/datagram_auditor.hpp"
#include "client/watch/lane.hpp"
#include "client/watch/records.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {
namespace {

// Errors of receiving that stay are not asked for again at once.
constexpr conc::Duration kPause = std::chrono::milliseconds(100);

// What is there already at the end is read all the same, in so many batches; some peers send for ever.
constexpr std::size_t kReadBehindTheEnd = 16;

constexpr std::string_view kCannotSend = "cannot send";
constexpr std::string_view kCannotReceive = "cannot receive";

}  // namespace

DatagramLane::DatagramLane(Shared shared, std::size_t index, net::DatagramSocket socket)
    : Lane(std::move(shared), index), socket_(std::move(socket)) {}

conc::Task<void> DatagramLane::run() {
    open_record(socket_.local(), socket_.peer(), conc::now());
    auditor_.emplace(shared_.run, record_.connection);
    conc::WaitGroup sender;
    auto sending = [this] { return send_frames(); };
    sender.go(std::move(sending));
    co_await receive_frames();
    socket_.close();
    co_await sender.wait();
    const conc::TimePoint now = conc::now();
    const bool is_through = auditor_->outstanding() == 0 && (record_.frames_echoed > 0 || record_.frames_sent == 0);
    auditor_->end(now);
    notice(auditor_->take_incidents());
    record_.bytes = auditor_->counts();
    close_record(is_through ? Ending::finished : is_aborting() ? Ending::abandoned : Ending::timeout, now);
    miss_the_rest(now);
    end_outage_unserved(std::min(now, shared_.schedule->stops_at()));
}

conc::Task<void> DatagramLane::send_frames() {
    for (;;) {
        const conc::TimePoint now = conc::now();
        if (has_frame(now)) {
            const conc::TimePoint planned = take_due();
            co_await send_frame(planned);
        } else if (is_stopping()) {
            break;
        } else {
            co_await conc::select(conc::after(until_due(now)), shared_.stopping.done());
        }
    }
    is_through_ = true;
    check(conc::now());
}

conc::Task<void> DatagramLane::send_frame(conc::TimePoint planned) {
    const conc::TimePoint now = conc::now();
    const net::ProbeFrame frame = make_frame(planned, false, offset_, now);
    frame_.clear();
    net::append_probe(frame, frame_);
    auditor_->sent(frame, now);
    // Where the last one found nobody, the kernel says so instead of sending this one; the next try sends it.
    for (int attempt = 0; attempt < 2; ++attempt) {
        net::DatagramBatch batch;
        (void)batch.add(frame_);
        auto sending = socket_.send(batch, options().timeout);
        const auto sent = co_await sending;
        if (sent.sent == 1) {
            offset_ += frame_.size();
            co_return;
        }
        if (sent.error == std::errc::operation_canceled) {
            break;  // the watch ends
        }
        failed(kCannotSend, sent.error);
    }
    if (auditor_->take_back_sent()) {
        take_back_frame(frame_.size(), false);
        account().missed(1);
    } else {
        offset_ += frame_.size();  // it was given up while it waited: it keeps its place
    }
}

conc::Task<void> DatagramLane::receive_frames() {
    for (;;) {
        const auto batch = co_await socket_.receive();
        const conc::TimePoint now = conc::now();
        account().advance(now);
        if (batch) {
            is_failing_ = false;
            audit(*batch, now);
            check(now);
        } else if (batch.error() == std::errc::operation_canceled) {
            co_return;
        } else if (batch.error() == std::errc::connection_refused) {
            failed(kCannotSend, batch.error());  // so the kernel tells what became of an earlier datagram
        } else {
            failed(kCannotReceive, batch.error());
            if (std::exchange(is_failing_, true)) {
                co_await conc::select(conc::after(kPause), shared_.aborting.done());
            }
        }
        if (is_aborting() || (is_over_ && ++read_behind_ > kReadBehindTheEnd)) {
            co_return;
        }
    }
}

void DatagramLane::audit(const net::DatagramBatch& batch, conc::TimePoint now) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto frame = auditor_->received(batch.bytes(i), now);
        if (frame) {
            const auto unix_now = now.time_since_epoch() + shared_.to_unix;
            ++record_.frames_echoed;
            account().echoed(unix_now - frame->planned, unix_now - frame->sent);
            worked(now);
        }
    }
    notice(auditor_->take_incidents());
}

void DatagramLane::failed(std::string_view what, std::error_code error) {
    account().refused(record_.lane, fmt::format("{}: {}", what, error.message()), conc::now(), !is_in_outage());
    begin_outage(Ending::reset);
}

void DatagramLane::check(conc::TimePoint now) {
    if (!auditor_ || !socket_.is_open()) {
        return;
    }
    const std::size_t expired = auditor_->expire(now - options().timeout, now);
    if (expired > 0) {
        notice(auditor_->take_incidents());
        // Where nothing is sent, an echo that does not come tells nothing.
        if (!is_through_ && now - record_.last_echo >= options().timeout) {
            begin_outage(Ending::timeout);
        }
    }
    if (is_aborting() || (is_through_ && (auditor_->outstanding() == 0 || now >= give_up_at()))) {
        is_over_ = true;
        socket_.interrupt();
    }
}

}  // namespace mynah::client::watch
