#include "server/reception.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/resume_on.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/limits.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {

Reception::Reception(Surroundings surroundings)
    : around_(surroundings),
      session_limits_{.idle_timeout = around_.configuration.limits.idle_timeout,
                      .write_timeout = around_.configuration.limits.write_timeout,
                      .linger = around_.configuration.drain.linger,
                      .receive_buffer_bytes = around_.configuration.limits.receive_buffer_bytes},
      instance_(instance_name(around_.configuration)),
      limits_({.connections = around_.configuration.limits.connections,
               .per_address = around_.configuration.limits.per_address}),
      accepting_(conc::with_cancel(conc::Context::background())) {}

void Reception::start(std::vector<net::Listener> listeners) {
    listeners_ = std::move(listeners);
    for (conc::EventSource* worker : around_.workers) {
        worker_tasks_.go([this](conc::EventSource* home) { return work(home); }, worker);
    }
    for (net::Listener& listener : listeners_) {
        listener_tasks_.go([this](net::Listener* each) { return listen(each); }, &listener);
    }
}

conc::Task<void> Reception::stop() {
    accepting_.cancel();
    co_await listener_tasks_.wait();
    for (net::Listener& listener : listeners_) {
        listener.close();
    }
    accepted_.close();
    co_await worker_tasks_.wait();
}

conc::Task<void> Reception::listen(net::Listener* listener) {
    for (int last_accepts = 0; last_accepts < kLastAccepts; last_accepts += accepting_.ctx.err() ? 1 : 0) {
        net::Result<net::Stream> stream = co_await listener->accept(accepting_.ctx);
        if (stream) {
            co_await hand_over(std::move(*stream));
            continue;
        }
        if (stream.error() == std::errc::operation_canceled || accepting_.ctx.err()) {
            co_return;
        }
        if (const auto times = failures_.count_one()) {
            log_event(
                LogLevel::warn, "accept failed",
                {{"listener", listener->local().to_string()}, {"reason", stream.error().message()}, {"times", *times}});
        }
        if (!net::is_exhaustion(stream.error())) {
            // The listener itself pauses after a lack of descriptors; whatever else this is must not spin either.
            co_await conc::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

conc::Task<void> Reception::hand_over(net::Stream stream) {
    const net::Address peer = stream.peer();
    auto ticket = limits_.admit(peer.host());
    if (!ticket) {
        refuse(to_string(ticket.error()), peer.to_string());
        co_return;
    }
    // Named before it is awaited: GCC 12 destroys an aggregate that is made inside the expression twice.
    Accepted accepted{.stream = std::move(stream), .ticket = std::move(*ticket)};
    co_await accepted_.send(std::move(accepted));
}

conc::Task<void> Reception::work(conc::EventSource* home) {
    while (auto accepted = co_await accepted_.recv()) {
        co_await conc::resume_on(*home);
        sessions_.go([this](Accepted each) { return host(std::move(each)); }, std::move(*accepted));
    }
}

// A session from its first byte to its record.
conc::Task<void> Reception::host(Accepted accepted) {
    SessionRecord record{.id = next_id_.fetch_add(1, std::memory_order_relaxed),
                         .instance = instance_,
                         .transport = "tcp",
                         .peer = accepted.stream.peer().to_string(),
                         .local = accepted.stream.local().to_string(),
                         .started = std::chrono::system_clock::now(),
                         .ended = {}};
    if (const auto adopted = accepted.stream.adopt(); !adopted) {
        refuse(adopted.error().message(), record.peer);
        co_return;
    }
    log_event(LogLevel::debug, "session begins", {{"id", record.id}, {"peer", record.peer}});
    try {
        const SessionSet::Member member(around_.sessions, accepted.stream);
        co_await serve(&accepted.stream, &member, session_limits_, &record);
    } catch (const std::exception& exception) {
        // Out of memory, most likely: this connection ends, the others go on.
        record.close_reason = CloseReason::error;
        if (failures_.count_one()) {
            log_event(LogLevel::warn, "session failed", {{"peer", record.peer}, {"reason", exception.what()}});
        }
    }
    accepted.stream.close();
    record.ended = std::chrono::system_clock::now();
    record.drain_phase = around_.phase.load();
    around_.sessions.count_ended(record);
    log_event(LogLevel::debug, "session ended",
              {{"id", record.id},
               {"peer", record.peer},
               {"reason", to_string(record.close_reason)},
               {"bytes_in", record.bytes_in},
               {"bytes_out", record.bytes_out},
               {"discarded_after_fin", record.discarded_after_fin}});
    if (around_.ledger != nullptr) {
        around_.ledger->record(std::move(record));
    }
}

void Reception::refuse(std::string_view reason, const std::string& peer) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    if (const auto times = refusals_.count_one()) {
        log_event(LogLevel::warn, "connection refused", {{"reason", reason}, {"peer", peer}, {"times", *times}});
    }
}

}  // namespace mynah::server
