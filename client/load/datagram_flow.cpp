#include "client/load/datagram_flow.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "client/load/fault.hpp"
#include "client/load/flow.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/options.hpp"
#include "client/load/pattern.hpp"
#include "client/load/tally.hpp"
#include "client/wire_number.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::client::load {
namespace {

// A duplicate follows on the heels of its original.
constexpr conc::Duration kLastLook = std::chrono::milliseconds(50);
constexpr conc::Duration kPause = std::chrono::milliseconds(100);  // behind an error of receiving that may stay

// Where the numbers of a datagram stand.
constexpr std::size_t kConnectionAt = sizeof(std::uint32_t);
constexpr std::size_t kSequenceAt = kConnectionAt + sizeof(std::uint32_t);
static_assert(kSequenceAt + sizeof(std::uint64_t) == kSmallestDatagram);

// The next datagram begins elsewhere in the pattern, so that no two that are near each other have the same bytes.
constexpr std::uint64_t kStep = 7919;

/// Room for all answers that may come at a time: the kernel counts its own memory for each, and caps what it grants.
void widen_receive_queue(int fd, const Options& options) {
    constexpr std::uint64_t kOverhead = 1024;
    const std::uint64_t bytes = options.depth * (options.message_bytes.most + kOverhead);
    const int wanted = static_cast<int>(std::min<std::uint64_t>(bytes, std::numeric_limits<int>::max() / 2));
    int present = 0;
    socklen_t length = sizeof present;
    if (::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &present, &length) == 0 && wanted > present / 2) {
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    }
}

}  // namespace

DatagramFlow::DatagramFlow(Shared shared, net::DatagramSocket socket, std::uint64_t index, std::uint64_t stride)
    : Flow(shared, index, stride), socket_(std::move(socket)), depth_(shared.options->depth) {
    widen_receive_queue(socket_.fd(), *shared.options);
}

/// One byte more than is right, so that what is too long is seen to be so.
net::DatagramOptions DatagramFlow::socket_options(const Options& options) {
    return {.largest_bytes = static_cast<std::size_t>(options.message_bytes.most) + 1};
}

conc::Task<void> DatagramFlow::run() {
    conc::TimePoint now = conc::now();
    for (;;) {
        fill(now);
        if (wants_to_send()) {
            co_await send();
        }
        if (ended_ || is_through(now)) {
            break;
        }
        const auto batch = co_await socket_.receive();
        now = conc::now();
        shared().tally->advance(now);
        lose_overdue(now);
        if (!take(batch, now)) {
            break;
        }
        if (!batch && batch.error() != std::errc::operation_canceled &&
            batch.error() != std::errc::connection_refused) {
            co_await conc::sleep_for(kPause);  // it may be there to stay
        }
    }
    if (!ended_) {
        ended_ = true;
        co_await listen_for_more();
    }
    if (const auto dropped = socket_.receive_queue_drops()) {
        shared().tally->datagrams().receive_queue += *dropped;
    }
    socket_.close();
}

conc::Task<void> DatagramFlow::send() {
    while (wants_to_send()) {
        net::DatagramBatch batch;
        begin_send(batch);
        const auto sent = co_await socket_.send(batch, conc::Duration(0));
        end_send(sent);
        if (sent.unsent > 0 && !ended_) {
            // The kernel has no room. The task that pushes has the right to send until it is through.
            sending_ = true;
            auto pushing = [this] { return push(); };
            shared().tasks->go(std::move(pushing));
        }
    }
}

conc::Task<void> DatagramFlow::push() {
    sending_ = false;
    while (wants_to_send()) {
        net::DatagramBatch batch;
        begin_send(batch);
        const auto sent = co_await socket_.send(batch, net::kNoTimeout);
        end_send(sent);
    }
}

/// As many of the datagrams that are unsent as a batch takes.
void DatagramFlow::begin_send(net::DatagramBatch& batch) {
    sending_ = true;
    first_unsent_ = first_unsent();
    const std::uint64_t end = std::min(in_flight_.next(), first_unsent_ + net::DatagramBatch::kMost);
    std::size_t bytes = 0;
    for (std::uint64_t sequence = first_unsent_; sequence < end; ++sequence) {
        bytes += in_flight_.entry(sequence).bytes;
    }
    room_.resize(std::max(room_.size(), bytes));
    std::span<std::byte> left(room_);
    for (; first_unsent_ < end; ++first_unsent_) {
        const auto datagram = left.first(in_flight_.entry(first_unsent_).bytes);
        left = left.subspan(datagram.size());
        put_number(datagram, shared().run);
        put_number(datagram.subspan(kConnectionAt), static_cast<std::uint32_t>(index()));
        put_number(datagram.subspan(kSequenceAt), first_unsent_);
        std::ranges::copy(body_of(first_unsent_, datagram.size()), datagram.begin() + kSmallestDatagram);
        (void)batch.add(datagram);
    }
}

void DatagramFlow::end_send(const net::DatagramsSent& sent) {
    sending_ = false;
    first_unsent_ -= sent.unsent;
    if (sent.error == std::errc::operation_canceled) {
        return;  // the flow is over, and has closed its socket
    }
    // What the kernel refuses has been sent as far as the account goes: it will be lost, as it cannot come back.
    if (sent.failed > 0 || (sent.unsent > 0 && sent.error != std::errc::timed_out)) {
        refused(sent.error);
    }
}

/// False where the flow has come to its end.
bool DatagramFlow::take(const net::Result<net::DatagramBatch>& batch, conc::TimePoint now) {
    if (batch) {
        for (std::size_t i = 0; i < batch->size(); ++i) {
            take(batch->bytes(i), now);
        }
        return true;
    }
    if (batch.error() != std::errc::operation_canceled) {
        refused(batch.error());
        return !ended_;
    }
    if (abandoned_) {
        end(Fate::in_flight, "");
        return false;
    }
    socket_.clear_interrupt();
    return true;
}

void DatagramFlow::take(std::span<const std::byte> bytes, conc::TimePoint now) {
    DatagramCounts& counts = shared().tally->datagrams();
    const bool is_ours = bytes.size() >= kSmallestDatagram && get_number<std::uint32_t>(bytes) == shared().run &&
                         get_number<std::uint32_t>(bytes.subspan(kConnectionAt)) == index();
    const std::uint64_t sequence = is_ours ? get_number<std::uint64_t>(bytes.subspan(kSequenceAt)) : 0;
    const auto standing = is_ours ? in_flight_.standing(sequence) : OnTheirWay::Standing::unsent;
    switch (standing) {
        case OnTheirWay::Standing::unsent:
            ++counts.foreign;
            break;
        case OnTheirWay::Standing::awaited:
            settle(sequence, bytes, now);
            break;
        case OnTheirWay::Standing::lost:
            ++counts.late;
            in_flight_.came_back(sequence);
            break;
        case OnTheirWay::Standing::back:
            ++counts.duplicates;
            break;
    }
}

void DatagramFlow::settle(std::uint64_t sequence, std::span<const std::byte> bytes, conc::TimePoint now) {
    const Message message = in_flight_.entry(sequence);
    const bool is_right = verify(sequence, bytes);
    in_flight_.came_back(sequence);
    if (!is_right) {
        shared().tally->failed(message, Fate::mismatched);
        return;
    }
    shared().tally->verified(message, now);
    // RFC 4737: it is later than one that was sent after it.
    shared().tally->datagrams().reordered += sequence < highest_ ? 1 : 0;
    highest_ = std::max(highest_, sequence);
}

/// Where it is not what was sent, says how it differs.
bool DatagramFlow::verify(std::uint64_t sequence, std::span<const std::byte> bytes) {
    const auto expected = body_of(sequence, static_cast<std::size_t>(in_flight_.entry(sequence).bytes));
    const auto body = bytes.subspan(kSmallestDatagram);
    if (body.size() == expected.size() && (body.empty() || std::memcmp(body.data(), expected.data(), body.size()) == 0))
        [[likely]] {
        return true;
    }
    Fault fault = compare_datagrams(expected, body);
    fault.connection = index() + 1;
    fault.datagram = sequence + 1;
    fault.offset += kSmallestDatagram;
    shared().tally->faulted(fault);
    return false;
}

/// What comes behind the numbers in a datagram of so many bytes.
std::span<const std::byte> DatagramFlow::body_of(std::uint64_t sequence, std::size_t bytes) const noexcept {
    const std::uint64_t step = sequence % Pattern::kPeriod * kStep % Pattern::kPeriod;
    const std::size_t position = Pattern::advance(Pattern::start_of(index()), static_cast<std::size_t>(step));
    return shared().pattern->window(position, bytes - kSmallestDatagram);
}

void DatagramFlow::lose_overdue(conc::TimePoint now) {
    while (in_flight_.awaited() > 0 && now - in_flight_.oldest().sent >= shared().options->timeout) {
        const Message lost = in_flight_.oldest();
        in_flight_.lose_oldest();
        shared().tally->failed(lost, Fate::lost);
    }
}

void DatagramFlow::refused(std::error_code error) {
    ++shared().tally->datagrams().refused;
    if (!ended_ && !shared().tally->has_answers()) {
        end(Fate::lost, error.message());
    }
}

void DatagramFlow::end(Fate fate, const std::string& why) {
    ended_ = true;
    if (!why.empty()) {
        shared().tally->connection_failed(why);
    }
    while (in_flight_.awaited() > 0) {
        const Message message = in_flight_.oldest();
        in_flight_.lose_oldest();
        shared().tally->failed(message, fate);
    }
    socket_.interrupt();  // who ends it may be another task than the one that receives
}

void DatagramFlow::check(conc::TimePoint now) {
    if (ended_) {
        return;
    }
    const bool had_room = has_room();
    lose_overdue(now);
    if (is_through(now) || (!had_room && has_room())) {
        socket_.interrupt();
    }
}

void DatagramFlow::abandon() {
    if (!ended_) {
        abandoned_ = true;
        socket_.interrupt();
    }
}

/// All is settled: what comes now is too much, or too late.
conc::Task<void> DatagramFlow::listen_for_more() {
    socket_.clear_interrupt();
    const conc::TimePoint end = conc::now() + std::min(kLastLook, shared().options->timeout);
    for (;;) {
        const auto batch = co_await socket_.receive(std::max(end - conc::now(), conc::Duration(0)));
        if (!batch) {
            break;
        }
        const conc::TimePoint now = conc::now();
        for (std::size_t i = 0; i < batch->size(); ++i) {
            take(batch->bytes(i), now);
        }
    }
}

}  // namespace mynah::client::load
