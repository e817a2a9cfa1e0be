#include "server/drain.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/go.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "server/configuration.hpp"
#include "server/datagram_service.hpp"
#include "server/limits.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/reception.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {
namespace {

conc::Task<void> close_when_stopped(Reception* reception, DatagramService* datagrams,
                                    conc::Sender<conc::Unit> stopped) {
    co_await reception->stop();
    if (datagrams != nullptr) {
        co_await datagrams->stop();
    }
    stopped.close();
}

conc::Task<void> close_when_ended(Reception* reception, conc::Sender<conc::Unit> ended) {
    co_await reception->sessions_ended();
    ended.close();
}

std::int64_t milliseconds(conc::Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

Drain::Drain(const Configuration::Drain& configuration, conc::Receiver<int> signals, Reception& reception,
             SessionSet& sessions, std::atomic<DrainPhase>& phase, DatagramService* datagrams)
    : configuration_(configuration),
      signals_(std::move(signals)),
      reception_(reception),
      sessions_(sessions),
      phase_(phase),
      datagrams_(datagrams) {}

conc::Task<void> Drain::run() {
    enter(DrainPhase::serving);
    co_await signals_.recv();
    note_signal();
    enter(DrainPhase::not_ready);
    co_await wait_unless_hurried(configuration_.grace);

    const conc::TimePoint deadline = conc::now() + configuration_.timeout;
    enter(DrainPhase::draining);
    conc::Channel<conc::Unit> stopped(0);
    conc::go(close_when_stopped, &reception_, datagrams_, stopped.sender());
    co_await wait_or_cut(stopped.receiver(), deadline);
    co_await ask_sessions_to_close();

    enter(DrainPhase::closing);
    conc::Channel<conc::Unit> ended(0);
    conc::go(close_when_ended, &reception_, ended.sender());
    co_await wait_or_cut(ended.receiver(), deadline);
    if (datagrams_ != nullptr) {
        co_await datagrams_->finish();
    }
}

void Drain::stopped() {
    const SessionSet::Totals totals = sessions_.totals();
    phase_.store(DrainPhase::stopped);
    if (datagrams_ != nullptr) {
        datagrams_->report();
    }
    log_event(LogLevel::info, "drain",
              {{"phase", to_string(DrainPhase::stopped)},
               {"sessions", totals.sessions},
               {"drained", totals.count(CloseReason::drained)},
               {"linger_expired", totals.count(CloseReason::linger_expired)},
               {"cut", totals.count(CloseReason::cut)},
               {"end_of_stream", totals.count(CloseReason::end_of_stream)},
               {"reset", totals.count(CloseReason::reset)},
               {"error", totals.count(CloseReason::error)},
               {"idle_timeout", totals.count(CloseReason::idle_timeout)},
               {"write_timeout", totals.count(CloseReason::write_timeout)},
               {"fault", totals.count(CloseReason::fault)},
               {"refused", reception_.refused()},
               {"refused_connections", reception_.refused(Refusal::connections)},
               {"refused_per_address", reception_.refused(Refusal::per_address)},
               {"refused_descriptor", reception_.refused(Refusal::descriptor)},
               {"refused_internal", reception_.refused(Refusal::internal)},
               {"bytes_in", totals.bytes_in},
               {"bytes_out", totals.bytes_out},
               {"discarded_after_fin", totals.discarded_after_fin}});
}

void Drain::enter(DrainPhase phase) {
    phase_.store(phase);
    log_event(LogLevel::info, "drain", {{"phase", to_string(phase)}, {"open", sessions_.open()}});
}

void Drain::note_signal() {
    ++signals_seen_;
    if (signals_seen_ == 2) {
        log_event(LogLevel::info, "second signal: no more grace, no spread", {{"open", sessions_.open()}});
    } else if (signals_seen_ == 3) {
        log_event(LogLevel::warn, "third signal: cutting what is left", {{"open", sessions_.open()}});
    }
}

conc::Task<void> Drain::wait_unless_hurried(conc::Duration time) {
    if (time <= conc::Duration::zero() || signals_seen_ >= 2) {
        co_return;
    }
    const auto first = co_await conc::select(signals_.recv_case(), conc::after(time));
    if (first.index() == 0) {
        note_signal();
    }
}

conc::Task<void> Drain::ask_sessions_to_close() {
    const std::size_t open = sessions_.open();
    if (configuration_.spread.count() > 0 && open > 1) {
        const conc::TimePoint begin = conc::now();
        // The k-th session is asked k / (n - 1) of the spread from now; the first at once, the last at its end.
        for (std::size_t k = 0; signals_seen_ < 2 && sessions_.ask_one_to_close(); ++k) {
            const double share = std::min(1.0, static_cast<double>(k + 1) / static_cast<double>(open - 1));
            const auto next = std::chrono::duration_cast<conc::Duration>(configuration_.spread * share);
            co_await wait_unless_hurried(begin + next - conc::now());
        }
    }
    sessions_.ask_all_to_close();
}

conc::Task<void> Drain::wait_or_cut(conc::Receiver<conc::Unit> done, conc::TimePoint deadline) {
    while (true) {
        // Once they are cut nothing but their end is left to wait for.
        const conc::Duration left = cut_ ? conc::Duration::max() : deadline - conc::now();
        if (!cut_ && (left <= conc::Duration::zero() || signals_seen_ >= 3)) {
            log_event(LogLevel::warn, "drain cuts what is left",
                      {{"open", sessions_.open()},
                       {"why", signals_seen_ >= 3 ? "third signal" : "drain.timeout"},
                       {"timeout_ms", milliseconds(configuration_.timeout)}});
            sessions_.cut_all();
            cut_ = true;
            continue;
        }
        const auto first = co_await conc::select(done.recv_case(), signals_.recv_case(), conc::after(left));
        if (first.index() == 0) {
            co_return;
        }
        if (first.index() == 1) {
            note_signal();
        }
    }
}

}  // namespace mynah::server
