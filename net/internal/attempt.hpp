// attempt.hpp -- the system call of an operation, tried once.
#pragma once

#include "net/operation.hpp"

namespace mynah::net::internal {

/// Tries `operation` without waiting; EINTR is retried. True: finished, its results are set. False: it has to wait.
///
/// `drained` tells of the descriptor's queue, and is set only by accept and receive: true: it was seen empty.
bool attempt(Operation& operation, bool& drained);

/// Errors of a connection that died in a listener's queue, or that a firewall forbids: accept(2) says to go on.
bool died_in_queue(int error) noexcept;

/// The same for a receive and for a send, the two of every message.
bool attempt_receive(Operation& operation, bool& drained);
bool attempt_send(Operation& operation) noexcept;

/// One poll(2) without waiting, for kinds readable and writable.
bool is_ready_now(const Operation& operation);

}  // namespace mynah::net::internal
