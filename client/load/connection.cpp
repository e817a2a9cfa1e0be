#include "client/load/connection.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/duration.hpp"
#include "client/load/fault.hpp"
#include "client/load/flow.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/options.hpp"
#include "client/load/pattern.hpp"
#include "client/load/schedule.hpp"
#include "client/load/tally.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client::load {
namespace {

// Who closes after our FIN does so within a round trip; who does not, waits for us to go.
constexpr std::chrono::nanoseconds kEndOfStreamPatience = std::chrono::seconds(1);

/// One byte more than may be there: a receive that fills its buffer cannot know that it has emptied the socket.
std::size_t receive_bytes(const Options& options) {
    const std::uint64_t most = options.message_bytes.most * options.depth + 1;
    return static_cast<std::size_t>(std::min<std::uint64_t>(most, Pattern::kLargestWindow));
}

}  // namespace

Connection::Connection(Shared shared, net::Stream stream, std::uint64_t index, std::uint64_t stride)
    : Flow(shared, index, stride),
      stream_(std::move(stream)),
      depth_(shared.options->depth),
      send_position_(Pattern::start_of(index)),
      receive_position_(Pattern::start_of(index)) {
    stream_.set_receive_options(
        {.initial_bytes = receive_bytes(*shared.options), .maximum_bytes = Pattern::kLargestWindow});
}

conc::Task<void> Connection::run() {
    conc::TimePoint now = conc::now();
    for (;;) {
        fill(now);
        if (wants_to_send()) {
            co_await send();
        }
        if (is_through(now)) {
            break;
        }
        const auto lease = co_await stream_.receive();
        now = conc::now();
        shared().tally->advance(now);
        if (!take(lease, now)) {
            stream_.close();
            co_return;
        }
    }
    co_await finish();
}

void Connection::put_into_flight(const Message& message) {
    in_flight_.push(message);
    unsent_ += message.bytes;
}

conc::Task<void> Connection::send() {
    while (wants_to_send()) {
        auto sending = begin_send(conc::Duration(0));
        const auto sent = co_await sending;
        end_send(sent, sending.unsent_bytes());
    }
}

// Counted as handed over before it is: where the task has to queue after the send, the answer may be first.
net::SendAwaiter Connection::begin_send(conc::Duration timeout) noexcept {
    sending_ = true;
    attempted_ = static_cast<std::size_t>(std::min<std::uint64_t>(unsent_, Pattern::kLargestWindow));
    handed_over_ += attempted_;
    unsent_ -= attempted_;
    return stream_.send_all(shared().pattern->window(send_position_, attempted_), timeout);
}

void Connection::end_send(const net::Result<void>& sent, std::size_t left) {
    sending_ = false;
    handed_over_ -= left;
    unsent_ += left;
    send_position_ = Pattern::advance(send_position_, attempted_ - left);
    if (sent) {
        return;
    }
    if (sent.error() == std::errc::timed_out) {
        // The kernel has no room. The task that pushes has the right to send until it is through.
        sending_ = true;
        auto pushing = [this] { return push(); };
        shared().tasks->go(std::move(pushing));
        return;
    }
    // The connection is gone, which the receiver finds as well, and what came back before.
    unsent_ = 0;
    send_error_ = sent.error();
}

conc::Task<void> Connection::push() {
    sending_ = false;
    while (wants_to_send()) {
        auto sending = begin_send(net::kNoTimeout);
        const auto sent = co_await sending;
        end_send(sent, sending.unsent_bytes());
    }
}

/// False where the connection has come to its end.
bool Connection::take(const net::Result<net::Lease>& lease, conc::TimePoint now) {
    if (lease && !lease->empty()) {
        return verify(lease->bytes(), now);
    }
    const bool interrupted = !lease && lease.error() == std::errc::operation_canceled;
    if (is_through(now)) {
        return interrupted;  // else the server has ended it when we were about to
    }
    if (!interrupted) {
        end(Fate::lost, lease ? "closed by the server" : lease.error().message());
        return false;
    }
    if (abandoned_) {
        end(Fate::in_flight, "");
        return false;
    }
    if (overdue_) {
        end(Fate::timed_out, fmt::format("no answer within {}", format_duration(shared().options->timeout)));
        return false;
    }
    stream_.clear_interrupt();
    return true;
}

bool Connection::verify(std::span<const std::byte> bytes, conc::TimePoint now) {
    while (!bytes.empty()) {
        const std::uint64_t outstanding = awaited();
        if (outstanding == 0) {
            report({.kind = FaultKind::surplus, .bytes = bytes.size()}, received_);
            end(Fate::mismatched, "more came back than was sent");
            return false;
        }
        const std::size_t count = static_cast<std::size_t>(
            std::min({std::uint64_t{bytes.size()}, outstanding, std::uint64_t{Pattern::kLargestWindow}}));
        const auto expected = shared().pattern->window(receive_position_, count);
        if (std::memcmp(bytes.data(), expected.data(), count) == 0) [[likely]] {
            accept(count, now);
        } else if (!examine(bytes.first(count), outstanding, now)) {
            return false;
        }
        bytes = bytes.subspan(count);
    }
    return true;
}

/// Bytes of which at least one differs. False where the stream is out of step: nothing that follows could be compared.
bool Connection::examine(std::span<const std::byte> bytes, std::uint64_t awaited, conc::TimePoint now) {
    const auto expected = shared().pattern->window(receive_position_, bytes.size());
    const auto [differing, _] = std::ranges::mismatch(bytes, expected);
    const auto same = static_cast<std::size_t>(differing - bytes.begin());
    const std::size_t position = Pattern::advance(receive_position_, same);
    const Fault fault = diagnose(*shared().pattern, position, bytes.subspan(same), received_ + same, awaited - same);
    report(fault, received_ + same);
    if (fault.kind == FaultKind::changed) {
        accept_changed(bytes, now);
        return true;
    }
    accept(same, now);
    end(Fate::mismatched, "out of step: bytes lost, repeated or foreign");
    return false;
}

/// The next bytes of the stream have come back as they were sent.
void Connection::accept(std::size_t bytes, conc::TimePoint now) {
    received_ += bytes;
    receive_position_ = Pattern::advance(receive_position_, bytes);
    front_received_ += bytes;
    while (!in_flight_.empty() && front_received_ >= in_flight_.front().bytes) {
        front_received_ -= in_flight_.front().bytes;
        complete(now);
    }
}

/// The same where some of them differ: which messages are they in?
void Connection::accept_changed(std::span<const std::byte> bytes, conc::TimePoint now) {
    while (!bytes.empty()) {
        const std::uint64_t left = in_flight_.front().bytes - front_received_;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
        const auto expected = shared().pattern->window(receive_position_, count);
        front_differs_ = front_differs_ || !std::ranges::equal(bytes.first(count), expected);
        accept(count, now);
        bytes = bytes.subspan(count);
    }
}

void Connection::complete(conc::TimePoint now) {
    if (front_differs_) {
        shared().tally->failed(in_flight_.front(), Fate::mismatched);
        front_differs_ = false;
    } else {
        shared().tally->verified(in_flight_.front(), now);
    }
    in_flight_.pop();
}

/// With whatever is in flight; where bytes differ or are out of step, the oldest of it is what they belong to.
void Connection::end(Fate fate, const std::string& why) {
    ended_ = true;
    unsent_ = 0;
    if (!why.empty()) {
        shared().tally->connection_failed(why);
    }
    for (; !in_flight_.empty(); in_flight_.pop()) {
        const bool differs = fate == Fate::mismatched || front_differs_;
        shared().tally->failed(in_flight_.front(), differs ? Fate::mismatched : fate);
        front_differs_ = false;
        if (fate == Fate::mismatched) {
            fate = Fate::lost;
        }
    }
}

void Connection::report(Fault fault, std::uint64_t offset) {
    fault.connection = index() + 1;
    fault.offset = offset;
    shared().tally->faulted(fault);
}

void Connection::check(conc::TimePoint now) {
    if (ended_) {
        return;
    }
    if (in_flight_.empty()) {
        if (shared().schedule->is_over(now)) {
            stream_.interrupt();
        }
    } else if (now - in_flight_.front().sent >= shared().options->timeout) {
        overdue_ = true;
        stream_.interrupt();
    }
}

void Connection::abandon() {
    if (!ended_) {
        abandoned_ = true;
        stream_.interrupt();
    }
}

/// All is back. Nothing more may come: the server is told that we are through, and has a moment to say the same.
conc::Task<void> Connection::finish() {
    ended_ = true;
    stream_.clear_interrupt();
    const auto shut = stream_.shutdown_send();
    if (shut) {
        const auto lease = co_await stream_.receive(std::min(kEndOfStreamPatience, shared().options->timeout));
        if (lease && !lease->empty()) {
            report({.kind = FaultKind::surplus, .bytes = lease->size()}, received_);
        }
    }
    stream_.close();
}

}  // namespace mynah::client::load
