// resolve.hpp -- names to addresses.
//
// What     all addresses of a name, in the order the system prefers them; a numeric address is its own answer, and so
//          is a unix socket's.
// Threads  from any task; the lookup runs on a thread of Asio's.
// Cancel   a timeout stops the wait; the lookup itself goes on until the system gives up (getaddrinfo(3) cannot be
//          stopped), in a task of its own.
// Errors   Asio's resolver errors (host not found, ...), std::errc::timed_out.
#pragma once

#include <vector>

#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

/// Never an empty list.
conc::Task<Result<std::vector<Address>>> resolve(Address address, conc::Duration timeout = kNoTimeout);

}  // namespace mynah::net
