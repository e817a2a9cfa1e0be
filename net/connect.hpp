// connect.hpp -- a Stream to somewhere.                              Go: net.DialTimeout
//
// What     tcp: resolves, then tries each address in turn until one answers; TCP_NODELAY is on. unix: connects, and
//          while the listener's queue is full asks again.
// Threads  from any task; the stream's home is the worker that connects.
// Errors   of the last address tried; timed_out when the time is over, which includes the resolving. Each address gets
//          its share of the time that is left, so that one that never answers leaves some for the next.
//          protocol_not_supported for udp, which has no streams: see datagram.hpp.
#pragma once

#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::net {

conc::Task<Result<Stream>> connect(Address address, conc::Duration timeout = kNoTimeout);

}  // namespace mynah::net
