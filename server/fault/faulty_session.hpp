// faulty_session.hpp -- one connection, served with the faults that its plan has for it.
// What     as serve() (session.hpp), but that bytes pass through the plan on their way back. A task of its own, so that
//          a session without faults knows nothing of them.
// Order    between two pauses, and to the end of what was received, all that is to be sent goes out in one write.
// Drain    a delay is waited for; a stall without an end lasts until the drain cuts it, the peer resets, or nothing
//          has moved for limits.idle_timeout. A connection that a fault ended has CloseReason::fault.
// Bounds   what one receive brought, and what is kept to be repeated.
#pragma once

#include "conc/task.hpp"
#include "net/stream.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/session.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"

namespace mynah::server {

/// What the pointers point to must outlive the task.
conc::Task<void> serve_with_faults(net::Stream* stream, const SessionSet::Member* member, const SessionLimits* limits,
                                   SessionOutcome* outcome, SessionFaults* faults);

}  // namespace mynah::server
