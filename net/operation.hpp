// operation.hpp -- one thing that a driver is asked to do with a descriptor.
//
// What     intrusive: it lives in the frame of the task that waits for it, from submit() until it is finished.
// Threads  touched on the home worker of its driver only.
// Errors   in `error`; results in the fields named for the kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "conc/event_source.hpp"
#include "net/descriptor.hpp"
#include "net/lease.hpp"

namespace mynah::conc::internal {
struct TaskRecord;
}

namespace mynah::net {

namespace internal {
struct SocketAddress;
struct DatagramAttempt;
}  // namespace internal

/// As a timeout: wait for ever.
inline constexpr conc::Duration kNoTimeout = conc::Duration::max();

/// Invariants:
/// - pending is true from a submit() that returned false until the driver has completed or withdrawn the operation.
/// - While pending, `task` is parked on this operation and nobody else will wake it.
struct Operation {
    enum class Kind : std::uint8_t {
        accept,         // out: accepted, address
        receive,        // in: receive_bytes; out: lease, empty at a clean end of stream
        send,           // in: unsent; sends all of it; timeout is for lack of progress
        connect,        // in: address
        readable,       // until the descriptor is readable, at its end, or failed
        writable,       // likewise
        pause,          // never ready: ends by its timeout or by cancel()
        receive_batch,  // in: datagrams, receive_bytes, which counts them here; out: datagrams
        send_batch,     // in: datagrams; out: datagrams
    };

    Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    bool reads() const noexcept {
        return kind == Kind::accept || kind == Kind::receive || kind == Kind::readable || kind == Kind::pause ||
               kind == Kind::receive_batch;
    }

    Kind kind = Kind::receive;
    bool no_wait = false;  // where it would have to wait it ends with operation_canceled instead
    bool pending = false;  // the driver's
    bool begun = false;    // the driver's: connect(2) has been called
    bool doubted = false;  // the driver's: what it is told may be older than this operation
    int fd = -1;
    Descriptor accepted;
    conc::Duration timeout = kNoTimeout;
    conc::TimePoint deadline = conc::TimePoint::max();  // the driver's
    conc::internal::TaskRecord* task = nullptr;         // whom to resume
    const void* nearby = nullptr;                       // what the task touches next: worth having in the cache
    std::error_code error;
    std::span<const std::byte> unsent;
    std::size_t receive_bytes = 0;
    Lease lease;
    std::uint64_t ticket = 0;  // the submitter's own, to tell one operation from the next
    std::error_code ending;    // the driver's: what it ends with once the kernel lets go
    internal::SocketAddress* address = nullptr;
    internal::DatagramAttempt* datagrams = nullptr;
};

}  // namespace mynah::net
