#include "server/fault/faulty_session.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/poll.h>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "server/fault/fault_plan.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/session_steps.hpp"
#include "server/traffic.hpp"

namespace mynah::server {
namespace {

using Bytes = std::span<const std::byte>;

/// The echo with what is on its way back. Lives in the frame of serve_with_faults.
class FaultyEcho {
  public:
    FaultyEcho(net::Stream* stream, const SessionLimits* limits, SessionOutcome* outcome, SessionFaults* faults)
        : stream_(stream), limits_(limits), outcome_(outcome), faults_(faults) {}

    /// Echoes until something ends that. `drained` and `fault` leave it to the caller to close.
    conc::Task<CloseReason> run();

    /// With CloseReason::fault: which it was.
    FaultKind ended_by() const noexcept { return ended_by_; }

  private:
    using Ended = std::optional<CloseReason>;  // nullopt: it goes on

    conc::Task<Ended> carry_out(Bytes received);
    conc::Task<Ended> pass(Bytes piece, const FaultAction* action);
    conc::Task<Ended> pause(const FaultAction* action, std::size_t held_bytes);
    conc::Task<Ended> repeat_the_rest();
    conc::Task<Ended> flush();
    Ended end_by(FaultKind kind, std::size_t held_bytes);
    void publish() { faults_->counters->add(faults_->plan.take_counts()); }

    net::Stream* stream_;
    const SessionLimits* limits_;
    SessionOutcome* outcome_;
    SessionFaults* faults_;
    std::vector<std::byte> output_;
    std::map<std::size_t, std::vector<std::byte>> kept_;  // by rule
    FaultKind ended_by_ = FaultKind::fin;
};

conc::Task<CloseReason> FaultyEcho::run() {
    const conc::Duration idle_timeout = timeout_of(limits_->idle_timeout);
    bool idle = false;
    Ended ended = co_await carry_out({});  // what stands before the first byte
    while (!ended) {
        net::Result<net::Lease> received = co_await stream_->receive(idle ? conc::Duration::zero() : idle_timeout);
        if (!received) {
            if (received.error() == std::errc::timed_out && !idle) {
                idle = true;  // as in the plain session: what came just now would turn our FIN into a reset
                continue;
            }
            if (received.error() != std::errc::operation_canceled) {
                co_return reason_of(received.error(), CloseReason::idle_timeout);
            }
        }
        if (!received || received->empty()) {
            ended = co_await repeat_the_rest();
            co_return ended.value_or(received ? CloseReason::end_of_stream : CloseReason::drained);
        }
        idle = false;
        if (outcome_->bytes_in == 0) {
            note_beginning(*outcome_, received->bytes());
        }
        outcome_->bytes_in += received->size();
        if (limits_->traffic != nullptr) {
            limits_->traffic->bytes_in.add(received->size());
        }
        ended = co_await carry_out(received->bytes());
        publish();
    }
    publish();
    co_return *ended;
}

conc::Task<FaultyEcho::Ended> FaultyEcho::carry_out(Bytes received) {
    Ended ended;
    while (!ended) {
        const std::optional<FaultAction> action = faults_->plan.next(received.size());
        if (!action) {
            break;
        }
        switch (action->what) {
            case FaultAction::What::pass:
                ended = co_await pass(received.first(action->bytes), &*action);
                received = received.subspan(action->bytes);
                break;
            case FaultAction::What::repeat: {
                const std::vector<std::byte> kept = std::exchange(kept_[action->rule], {});
                output_.insert(output_.end(), kept.begin(), kept.end());
                break;
            }
            case FaultAction::What::pause:
                ended = co_await flush();
                if (!ended) {
                    ended = co_await pause(&*action, received.size());
                }
                break;
            case FaultAction::What::end:
                ended = co_await flush();
                co_return ended ? ended : end_by(action->kind, received.size());
        }
    }
    if (!ended) {
        ended = co_await flush();
    }
    co_return ended;
}

conc::Task<FaultyEcho::Ended> FaultyEcho::pass(Bytes piece, const FaultAction* action) {
    if (action->dropped) {
        co_return std::nullopt;
    }
    Ended ended;
    if (action->one_by_one) {
        ended = co_await flush();
    }
    for (std::size_t i = 0; i < piece.size() && !ended; ++i) {
        const std::byte sent = piece[i] ^ std::byte{action->mask};
        output_.push_back(sent);
        for (const std::size_t rule : action->kept) {
            kept_[rule].push_back(sent);
        }
        if (action->one_by_one) {
            ended = co_await flush();
        }
    }
    co_return ended;
}

/// In slices, as nothing else tells that the drain has cut the session, or that the peer has reset the connection.
conc::Task<FaultyEcho::Ended> FaultyEcho::pause(const FaultAction* action, std::size_t held_bytes) {
    constexpr conc::Duration kSlice = std::chrono::milliseconds(20);
    publish();
    const bool has_end = action->duration.count() != 0;
    const conc::Duration whole = has_end ? conc::Duration(action->duration) : timeout_of(limits_->idle_timeout);
    const conc::TimePoint begin = conc::now();
    for (conc::Duration passed{0}; passed < whole; passed = conc::now() - begin) {
        co_await conc::sleep_for(std::min(kSlice, whole - passed));
        const net::Result<void> at_home = co_await stream_->send_all(Bytes());
        pollfd peer{.fd = stream_->fd(), .events = 0, .revents = 0};
        const bool is_gone = at_home && ::poll(&peer, 1, 0) > 0 && (peer.revents & (POLLERR | POLLHUP)) != 0;
        if (!at_home || is_gone) {
            faults_->counters->add(action->kind, 0, held_bytes);
            co_return at_home ? CloseReason::reset : CloseReason::error;
        }
    }
    if (has_end) {
        co_return std::nullopt;
    }
    faults_->counters->add(action->kind, 0, held_bytes);
    co_return CloseReason::idle_timeout;
}

conc::Task<FaultyEcho::Ended> FaultyEcho::repeat_the_rest() {
    while (const auto action = faults_->plan.finish()) {
        const std::vector<std::byte> kept = std::exchange(kept_[action->rule], {});
        output_.insert(output_.end(), kept.begin(), kept.end());
    }
    publish();
    co_return co_await flush();
}

conc::Task<FaultyEcho::Ended> FaultyEcho::flush() {
    if (output_.empty()) {
        co_return std::nullopt;
    }
    auto sending = stream_->send_all(output_, timeout_of(limits_->write_timeout));
    const net::Result<void> sent = co_await sending;
    const std::size_t written = output_.size() - sending.unsent_bytes();
    outcome_->bytes_out += written;
    if (limits_->traffic != nullptr) {
        limits_->traffic->bytes_out.add(written);
    }
    output_.clear();
    if (!sent) {
        co_return reason_of(sent.error(), CloseReason::write_timeout);
    }
    co_return std::nullopt;
}

FaultyEcho::Ended FaultyEcho::end_by(FaultKind kind, std::size_t held_bytes) {
    faults_->counters->add(kind, 0, held_bytes);
    ended_by_ = kind;
    return CloseReason::fault;
}

/// Our FIN, whoever wants it, and what still comes after it. Why the session ended then.
conc::Task<CloseReason> finish_in_order(net::Stream* stream, const SessionLimits* limits, SessionOutcome* outcome) {
    // A pause may have taken the task elsewhere, and a FIN is sent at home only.
    const net::Result<void> at_home = co_await stream->send_all(Bytes());
    stream->clear_interrupt();
    if (!at_home || !stream->shutdown_send()) {
        // shutdown(2) fails only where the connection is gone, or where the drain has closed it meanwhile.
        co_return stream->is_open() ? CloseReason::reset : CloseReason::error;
    }
    CloseReason reason = co_await linger(stream, limits->linger, outcome);
    if (reason == CloseReason::error && stream->is_open()) {
        // The drain has asked meanwhile, which it does once.
        stream->clear_interrupt();
        reason = co_await linger(stream, limits->linger, outcome);
    }
    co_return reason;
}

void close(net::Stream& stream, bool with_reset) {
    if (with_reset) {
        stream.reset();
    } else {
        stream.close();
    }
}

}  // namespace

conc::Task<void> serve_with_faults(net::Stream* stream, const SessionSet::Member* member, const SessionLimits* limits,
                                   SessionOutcome* outcome, SessionFaults* faults) {
    stream->set_receive_options(receive_options(*limits));
    CloseReason reason = CloseReason::error;
    bool resets = false;
    try {
        FaultyEcho echo(stream, limits, outcome, faults);
        reason = co_await echo.run();
        resets = reason == CloseReason::fault && echo.ended_by() == FaultKind::reset;
        if (reason == CloseReason::drained || (reason == CloseReason::fault && !resets)) {
            const CloseReason finished = co_await finish_in_order(stream, limits, outcome);
            if (reason == CloseReason::drained || finished == CloseReason::error) {
                reason = finished;
            }
        }
        if (reason == CloseReason::error && member->is_cut()) {
            reason = CloseReason::cut;
        }
    } catch (const std::bad_alloc&) {
        outcome->out_of_memory = true;  // this connection ends, the others go on
    }
    outcome->close_reason = reason;
    close(*stream, resets || reason == CloseReason::write_timeout);
}

}  // namespace mynah::server
