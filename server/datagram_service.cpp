#include "server/datagram_service.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/resume_on.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"
#include "server/configuration.hpp"
#include "server/datagram_guard.hpp"
#include "server/fault/datagram_faults.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/ledger.hpp"
#include "server/listening.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/session_record.hpp"
#include "server/source_limiter.hpp"

namespace mynah::server {
namespace {

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

std::string_view to_string(DatagramDrop drop) {
    switch (drop) {
        case DatagramDrop::guard:
            return "guard";
        case DatagramDrop::broadcast:
            return "broadcast";
        case DatagramDrop::rate:
            return "rate";
        case DatagramDrop::truncated:
            return "truncated";
        case DatagramDrop::send_queue:
            return "send_queue";
        case DatagramDrop::send_error:
            return "send_error";
        case DatagramDrop::late:
            return "late";
        case DatagramDrop::receive_queue:
            return "receive_queue";
    }
    return "unknown";
}

DatagramService::DatagramService(Surroundings surroundings)
    : around_(std::move(surroundings)),
      limiter_({.rate = around_.configuration.udp.rate,
                .burst = around_.configuration.udp.burst,
                .sources = around_.configuration.udp.sources},
               random_seed()) {}

void DatagramService::start(std::vector<DatagramDoor> doors) {
    std::vector<std::uint16_t> own_ports;
    for (DatagramDoor& opened : doors) {
        const net::Address local = opened.socket.local();
        own_ports.push_back(local.port());
        ListenerFaults* const faults =
            around_.faults == nullptr ? nullptr : around_.faults->of_listener(opened.configured);
        Door& door = doors_.emplace_back(std::move(opened));
        door.local = local.to_string();
        door.started = std::chrono::system_clock::now();
        if (faults != nullptr) {
            door.faults = std::make_unique<DatagramFaults>(*faults, faults->number_one());
        }
    }
    guard_.emplace(own_ports);
    for (Door& door : doors_) {
        echoing_.add(1);
        tasks_.go([this](Door* each) { return serve(each); }, &door);
    }
}

conc::Task<void> DatagramService::stop() {
    stopping_.store(true);
    for (const Door& door : doors_) {
        door.socket.interrupt();
    }
    co_await echoing_.wait();
}

conc::Task<void> DatagramService::finish() {
    finishing_.store(true);
    for (const Door& door : doors_) {
        door.socket.interrupt();
    }
    co_await tasks_.wait();
}

// The first await of the socket makes this worker its home.
conc::Task<void> DatagramService::serve(Door* door) {
    co_await conc::resume_on(*around_.workers[door->worker]);
    if (door->faults != nullptr) {
        co_await echo_with_faults(door);
    } else {
        co_await echo_until_stopped(door);
    }
    door->socket.clear_interrupt();
    echoing_.done();
    co_await count_until_finished(door);
    close(*door);
}

conc::Task<void> DatagramService::echo_until_stopped(Door* door) {
    for (int last = 0; last < kLastBatches; last += stopping_.load() ? 1 : 0) {
        net::Result<net::DatagramBatch> batch = co_await door->socket.receive();
        if (batch) {
            co_await echo(door, std::move(*batch));
        } else if (batch.error() == std::errc::operation_canceled) {
            co_return;
        } else {
            co_await rest_after(door, batch.error());
        }
    }
}

conc::Task<void> DatagramService::echo(Door* door, net::DatagramBatch batch) {
    drop_unwanted(*door, batch);
    if (batch.empty()) {
        co_return;
    }
    count_sent(*door, co_await door->socket.send(batch, kSendPatience));
}

/// As echo_until_stopped, each datagram on its own, with what its faults do to it. What they hold back goes out when
/// the drain closes the listeners.
conc::Task<void> DatagramService::echo_with_faults(Door* door) {
    DatagramFaults& faults = *door->faults;
    for (int last = 0; last < kLastBatches; last += stopping_.load() ? 1 : 0) {
        const std::optional<conc::TimePoint> due = faults.next_due();
        const conc::Duration wait =
            due ? std::max(conc::Duration::zero(), conc::Duration(*due - conc::now())) : net::kNoTimeout;
        net::Result<net::DatagramBatch> batch = co_await door->socket.receive(wait);
        if (batch) {
            drop_unwanted(*door, *batch);
            faults.take(*batch, conc::now());
        } else if (batch.error() == std::errc::operation_canceled) {
            break;
        } else if (batch.error() != std::errc::timed_out) {
            co_await rest_after(door, batch.error());
        }
        co_await send_ready(door);
    }
    faults.release_all();
    co_await send_ready(door);
}

conc::Task<void> DatagramService::send_ready(Door* door) {
    while (std::optional<net::DatagramBatch> one = door->faults->next_ready(conc::now())) {
        count_sent(*door, co_await door->socket.send(*one, kSendPatience));
    }
}

void DatagramService::count_sent(Door& door, const net::DatagramsSent& sent) {
    door.echoed.add(sent.sent);
    door.bytes_out.add(sent.bytes);
    door.drop(DatagramDrop::send_queue, sent.queue_full + sent.unsent);
    door.drop(DatagramDrop::send_error, sent.failed);
    if (!sent.all()) {
        if (const auto times = failures_.count_one()) {
            log_event(LogLevel::warn, "datagrams not sent",
                      {{"listener", door.local}, {"reason", sent.error.message()}, {"times", *times}});
        }
    }
}

void DatagramService::drop_unwanted(Door& door, net::DatagramBatch& batch) {
    // One look at the clock for a batch.
    const std::int64_t now_ns = limiter_.limits() ? conc::now().time_since_epoch().count() : 0;
    std::uint64_t bytes = 0;
    door.received.add(batch.size());
    batch.keep_if([&](std::size_t index) {
        bytes += batch.bytes(index).size();
        const std::optional<DatagramDrop> why = judge(batch, index, now_ns);
        if (why) {
            door.drop(*why);
        }
        return !why;
    });
    door.bytes_in.add(bytes);
}

/// Why a datagram must not be echoed; nothing where it may.
std::optional<DatagramDrop> DatagramService::judge(const net::DatagramBatch& batch, std::size_t index,
                                                   std::int64_t now_ns) {
    if (!guard_->allows(batch.peer_port(index))) {
        return DatagramDrop::guard;
    }
    if (batch.is_to_many(index)) {
        return DatagramDrop::broadcast;
    }
    if (batch.is_truncated(index)) {
        return DatagramDrop::truncated;
    }
    if (limiter_.limits() && !limiter_.admit(batch.peer_host(index), now_ns)) {
        return DatagramDrop::rate;
    }
    return std::nullopt;
}

conc::Task<void> DatagramService::count_until_finished(Door* door) {
    for (int last = 0; last < kLastBatches; last += finishing_.load() ? 1 : 0) {
        const net::Result<net::DatagramBatch> batch = co_await door->socket.receive();
        if (batch) {
            door->received.add(batch->size());
            door->drop(DatagramDrop::late, batch->size());
            for (std::size_t i = 0; i < batch->size(); ++i) {
                door->bytes_late.add(batch->bytes(i).size());
            }
        } else if (batch.error() == std::errc::operation_canceled) {
            co_return;
        } else {
            co_await rest_after(door, batch.error());
        }
    }
}

// Whatever it is, it must not make us spin. Memory comes back, and interfaces do.
conc::Task<void> DatagramService::rest_after(const Door* door, std::error_code error) {
    if (const auto times = failures_.count_one()) {
        log_event(LogLevel::warn, "receive failed",
                  {{"listener", door->local}, {"reason", error.message()}, {"times", *times}});
    }
    co_await conc::sleep_for(std::chrono::milliseconds(100));
}

// A socket's datagrams are one row: a session that has many peers.
void DatagramService::close(Door& door) {
    {
        const std::scoped_lock guard(door.closing);
        if (const auto drops = door.socket.receive_queue_drops()) {
            door.drop(DatagramDrop::receive_queue, *drops);
        }
        door.socket.close();
    }
    if (around_.ledger == nullptr || door.received.get() == 0) {
        return;
    }
    SessionRecord record{.id = around_.next_id(),
                         .instance = instance_name(around_.configuration),
                         .transport = "udp",
                         .peer = "*",
                         .local = door.local,
                         .started = door.started,
                         .ended = std::chrono::system_clock::now(),
                         .bytes_in = door.bytes_in.get(),
                         .bytes_out = door.bytes_out.get(),
                         .discarded_after_fin = door.bytes_late.get(),
                         .close_reason = CloseReason::drained,
                         .drain_phase = around_.phase.load()};
    around_.ledger->record(std::move(record));
}

DatagramTotals DatagramService::totals() const {
    DatagramTotals totals;
    for (const Door& door : doors_) {
        totals.received += door.received.get();
        totals.echoed += door.echoed.get();
        totals.bytes_in += door.bytes_in.get();
        totals.bytes_out += door.bytes_out.get();
        totals.bytes_late += door.bytes_late.get();
        const std::scoped_lock guard(door.closing);  // what the kernel dropped is counted once, before or after it
        for (std::size_t i = 0; i < kDatagramDrops; ++i) {
            totals.dropped[i] += door.dropped[i].get();
        }
        totals.dropped[static_cast<std::size_t>(DatagramDrop::receive_queue)] +=
            door.socket.receive_queue_drops().value_or(0);  // of a closed one they are in the counter
    }
    return totals;
}

void DatagramService::report() const {
    if (is_idle()) {
        return;
    }
    const DatagramTotals totals = this->totals();
    log_event(LogLevel::info, "datagrams",
              {{"received", totals.received},
               {"echoed", totals.echoed},
               {"guard", totals.count(DatagramDrop::guard)},
               {"broadcast", totals.count(DatagramDrop::broadcast)},
               {"rate", totals.count(DatagramDrop::rate)},
               {"truncated", totals.count(DatagramDrop::truncated)},
               {"send_queue", totals.count(DatagramDrop::send_queue)},
               {"send_error", totals.count(DatagramDrop::send_error)},
               {"late", totals.count(DatagramDrop::late)},
               {"receive_queue", totals.count(DatagramDrop::receive_queue)},
               {"bytes_in", totals.bytes_in},
               {"bytes_out", totals.bytes_out},
               {"bytes_late", totals.bytes_late}});
}

}  // namespace mynah::server
