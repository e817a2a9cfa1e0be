#include "server/session.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <system_error>

#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/session_steps.hpp"
#include "server/traffic.hpp"

namespace mynah::server {
namespace {

/// Counts in the echo's own frame, which is in the cache anyway, and for the outcome at the end.
class Counts {
  public:
    explicit Counts(SessionOutcome& outcome) noexcept : outcome_(outcome) {}
    Counts(const Counts&) = delete;
    Counts& operator=(const Counts&) = delete;
    ~Counts() {
        outcome_.bytes_in += in_;
        outcome_.bytes_out += out_;
    }

    bool is_zero() const noexcept { return in_ == 0; }
    void received(std::size_t bytes, Traffic::Place* traffic) noexcept {
        in_ += bytes;
        if (traffic != nullptr) {
            traffic->bytes_in.add(bytes);
        }
    }
    void sent(std::size_t bytes, Traffic::Place* traffic) noexcept {
        out_ += bytes;
        if (traffic != nullptr) {
            traffic->bytes_out.add(bytes);
        }
    }

  private:
    std::uint64_t in_ = 0;
    std::uint64_t out_ = 0;
    SessionOutcome& outcome_;
};

/// Repeats bytes until something ends that; `drained` where an interrupt came at a quiet moment.
conc::Task<CloseReason> echo(net::Stream* stream, const SessionLimits* limits, SessionOutcome* outcome) {
    Counts counts(*outcome);
    bool idle = false;
    for (;;) {
        // One call for both, since each has a place of its own in the frame; the limits keep theirs.
        const net::Result<net::Lease> received =
            co_await stream->receive(idle ? conc::Duration::zero() : timeout_of(limits->idle_timeout));
        if (!received) {
            if (received.error() == std::errc::timed_out && !idle) {
                idle = true;  // what came between the timeout and now would turn our FIN into a reset
                continue;
            }
            if (received.error() == std::errc::operation_canceled) {
                co_return CloseReason::drained;
            }
            co_return reason_of(received.error(), CloseReason::idle_timeout);
        }
        if (received->empty()) {
            co_return CloseReason::end_of_stream;
        }
        idle = false;
        if (counts.is_zero()) [[unlikely]] {
            note_beginning(*outcome, received->bytes());
        }
        counts.received(received->size(), limits->traffic);
        auto sending = stream->send_all(received->bytes(), timeout_of(limits->write_timeout));
        const net::Result<void> sent = co_await sending;
        counts.sent(received->size() - sending.unsent_bytes(), limits->traffic);
        if (!sent) {
            co_return reason_of(sent.error(), CloseReason::write_timeout);
        }
    }
}

}  // namespace

conc::Task<void> serve(net::Stream* stream, const SessionSet::Member* member, const SessionLimits* limits,
                       SessionOutcome* outcome) {
    stream->set_receive_options(receive_options(*limits));
    const auto unless_cut = [member](CloseReason reason) {
        return member->is_cut() && reason == CloseReason::error ? CloseReason::cut : reason;
    };
    CloseReason reason = CloseReason::error;
    try {
        reason = unless_cut(co_await echo(stream, limits, outcome));
        if (reason == CloseReason::drained && member->is_cut()) {
            reason = CloseReason::cut;
        } else if (reason == CloseReason::drained) {
            stream->clear_interrupt();
            if (stream->shutdown_send()) {
                reason = unless_cut(co_await linger(stream, limits->linger, outcome));
            } else {
                // shutdown(2) fails only where the connection is gone, or where the drain has closed it meanwhile.
                reason = member->is_cut() ? CloseReason::cut : CloseReason::reset;
            }
        }
    } catch (const std::bad_alloc&) {
        outcome->out_of_memory = true;  // this connection ends, the others go on
    }
    outcome->close_reason = reason;
    if (reason == CloseReason::write_timeout) {
        stream->reset();  // the kernel's buffers of a peer that never reads would outlive the session
    } else {
        stream->close();
    }
}

}  // namespace mynah::server
