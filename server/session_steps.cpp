#include "server/session_steps.hpp"

#include <chrono>
#include <system_error>

#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "net/lease.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"
#include "server/session_record.hpp"

namespace mynah::server {

CloseReason reason_of(std::error_code error, CloseReason timeout) {
    if (error == std::errc::timed_out) {
        return timeout;
    }
    if (error == std::errc::connection_reset || error == std::errc::broken_pipe) {
        return CloseReason::reset;
    }
    return CloseReason::error;
}

conc::Task<CloseReason> linger(net::Stream* stream, std::chrono::milliseconds limit, SessionOutcome* outcome) {
    const conc::TimePoint end = conc::now() + limit;
    for (;;) {
        const conc::Duration left = end - conc::now();
        if (left <= conc::Duration::zero()) {
            co_return CloseReason::linger_expired;
        }
        net::Result<net::Lease> received = co_await stream->receive(left);
        if (!received) {
            co_return reason_of(received.error(), CloseReason::linger_expired);
        }
        if (received->empty()) {
            co_return CloseReason::drained;
        }
        if (outcome->bytes_in == 0 && outcome->discarded_after_fin == 0) {
            note_beginning(*outcome, received->bytes());
        }
        outcome->discarded_after_fin += received->size();
    }
}

}  // namespace mynah::server
