// session.hpp -- one connection: repeats every byte until the peer, a time limit or the drain ends it.
// What     serve() echoes with back-pressure: it receives only when everything received before has been sent on.
// Order    half-close (RFC 9293, 3.6): a peer that shuts its sending side gets every byte, then our FIN.
// Cancel   stream.interrupt() ends it at the next quiet moment: nothing received that is not sent, nothing in the
//          kernel. Then our FIN goes out, and what still arrives is read and counted for `linger` at most.
//          stream.close() ends it where it is.
// Bounds   one lease of limits.receive_buffer bytes while it echoes; nothing while it waits.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "conc/task.hpp"
#include "net/stream.hpp"
#include "server/session_record.hpp"
#include "server/session_set.hpp"
#include "server/traffic.hpp"

namespace mynah::server {

struct SessionLimits {
    std::chrono::milliseconds idle_timeout{0};  // 0: none
    std::chrono::milliseconds write_timeout{0};
    std::chrono::milliseconds linger{0};
    std::size_t receive_buffer_bytes = 0;
    Traffic::Place* traffic = nullptr;  // where its bytes are counted as they go; of its home worker
};

/// Serves `stream` to its end and closes it. Fills in `outcome`. What the pointers point to, and limits->traffic where
/// there is one, must outlive the task.
conc::Task<void> serve(net::Stream* stream, const SessionSet::Member* member, const SessionLimits* limits,
                       SessionOutcome* outcome);

}  // namespace mynah::server
