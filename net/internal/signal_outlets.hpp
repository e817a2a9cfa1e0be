// signal_outlets.hpp -- the process's signal handler, and the pipes that it writes what came to.
//
// What     open_outlet() has each of some signals written to a descriptor, one byte with its number, until
//          close_outlet(). Several outlets may want the same signal: each gets it.
// Threads  any.
// Errors   open_outlet throws std::system_error: a number that cannot be handled (EINVAL), too many outlets (EMFILE).
//          A signal that finds the pipe full is lost: it holds 65,536.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mynah::net::internal {

using SignalSet = std::uint64_t;  // bit n - 1 is signal n

/// `fd` stays the caller's; it does not block. Returns what close_outlet() wants.
std::size_t open_outlet(int fd, SignalSet signals);

/// The signals that no other outlet wants are handled again as they were before. Once this has returned, nothing is
/// written to the outlet's descriptor any more.
void close_outlet(std::size_t outlet) noexcept;

}  // namespace mynah::net::internal
