// session_steps.hpp -- what the plain session and the one with faults have in common.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <system_error>

#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "net/operation.hpp"
#include "net/stream.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"

namespace mynah::server {

inline conc::Duration timeout_of(std::chrono::milliseconds configured) {
    return configured.count() == 0 ? net::kNoTimeout : conc::Duration(configured);
}

inline net::ReceiveOptions receive_options(const SessionLimits& limits) {
    constexpr std::size_t kFirstReceiveBytes = 4096;
    return {.initial_bytes = std::min(kFirstReceiveBytes, limits.receive_buffer_bytes),
            .maximum_bytes = limits.receive_buffer_bytes};
}

/// Why an operation failed, where the drain did not cut it. `timeout` is what a timeout means to the caller.
CloseReason reason_of(std::error_code error, CloseReason timeout);

/// Our FIN is out: reads and counts what the peer still sends, until its FIN or the end of the linger. In a file of its
/// own, not to be inlined: its frame would be a part of every session's, for its whole life.
conc::Task<CloseReason> linger(net::Stream* stream, std::chrono::milliseconds limit, SessionOutcome* outcome);

}  // namespace mynah::server
