// datagram_attempt.hpp -- recvmmsg(2) and sendmmsg(2) of an operation, tried once.
#pragma once

#include <cstddef>

#include "net/datagram_batch.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {

/// Of attempt(), for kinds receive_batch and send_batch. It lives in the awaiter, which the operation points to.
struct DatagramAttempt {
    DatagramBatch* batch = nullptr;
    std::size_t slot_bytes = 0;   // receive: room for one datagram
    bool tells_local = false;     // receive: the socket gives packet information
    bool may_have_error = false;  // receive: the socket is connected, so that an error may follow what has come
    bool prepared = false;        // send: sent.unsent has been counted
    DatagramsSent sent = {};      // send: what became of the batch so far

    bool try_receive(Operation& operation, bool& drained);
    bool try_send(Operation& operation) noexcept;
};

}  // namespace mynah::net::internal
