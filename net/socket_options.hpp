// socket_options.hpp -- what may be decided about a TCP connection before it is made.
//
// What     given to a Listener, whose connections inherit it (tcp(7)), or set on one stream.
// Threads  a plain value.
// Errors   apply: what setsockopt(2) says.
#pragma once

#include <chrono>

#include "conc/event_source.hpp"
#include "net/result.hpp"

namespace mynah::net {

struct TcpOptions {
    bool no_delay = true;  // TCP_NODELAY: small writes leave at once

    /// 0: none. A peer that has been silent for so long is asked whether it is still there, every quarter of this time;
    /// where four questions stay without an answer the connection ends with timed_out. In whole seconds, at least 4.
    std::chrono::seconds keepalive{0};

    /// 0: the system's choice. How long sent bytes may stay unacknowledged before the connection ends with timed_out
    /// (TCP_USER_TIMEOUT).
    std::chrono::milliseconds user_timeout{0};
};

/// Sets them on a TCP socket.
[[nodiscard]] Result<void> apply(const TcpOptions& options, int fd);

}  // namespace mynah::net
