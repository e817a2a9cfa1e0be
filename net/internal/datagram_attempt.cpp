#include "net/internal/datagram_attempt.hpp"

#include <cerrno>
#include <cstddef>
#include <new>
#include <system_error>

#include <sys/socket.h>

#include "net/datagram_batch.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {
namespace {

// Both have the same number on Linux; the compiler warns when both stand in one condition.
bool would_block(int error) noexcept {
    return error == EAGAIN || (EAGAIN != EWOULDBLOCK && error == EWOULDBLOCK);
}

bool failed(Operation& operation, int error) noexcept {
    operation.error = std::error_code(error, std::system_category());
    return true;
}

}  // namespace

bool DatagramAttempt::try_receive(Operation& operation, bool& drained) {
    try {
        batch->tells_local_ = tells_local;
        batch->prepare_receive(operation.receive_bytes, slot_bytes);
    } catch (const std::bad_alloc&) {
        return failed(operation, ENOMEM);
    }
    int count = 0;
    do {
        count = ::recvmmsg(operation.fd, batch->headers_, static_cast<unsigned>(batch->capacity_), 0, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        const int error = errno;
        *batch = {};  // a socket that waits owns no buffer
        if (would_block(error)) {
            drained = true;
            return false;
        }
        return failed(operation, error);
    }
    batch->size_ = static_cast<std::size_t>(count);
    // An error that cut the batch short is the next call's, and no event will tell of it (recvmmsg(2), BUGS).
    drained = batch->size_ < batch->capacity_ && !may_have_error;
    return true;
}

// A datagram that the kernel refuses is left out; the others go on.
bool DatagramAttempt::try_send(Operation& operation) noexcept {
    if (!prepared) {
        prepared = true;
        batch->prepare_send();
        sent.unsent = batch->size_;
    }
    while (sent.unsent > 0) {
        const std::size_t next = batch->size_ - sent.unsent;
        const int count =
            ::sendmmsg(operation.fd, batch->headers_ + next, static_cast<unsigned>(sent.unsent), MSG_NOSIGNAL);
        if (count > 0) {
            const auto many = static_cast<std::size_t>(count);
            for (std::size_t i = next; i < next + many; ++i) {
                sent.bytes += batch->headers_[i].msg_len;
            }
            sent.sent += many;
            sent.unsent -= many;
        } else if (would_block(errno)) {
            return false;
        } else if (errno != EINTR) {
            ++(errno == ENOBUFS ? sent.queue_full : sent.failed);
            --sent.unsent;
            if (!sent.error) {
                sent.error = std::error_code(errno, std::system_category());
            }
        }
    }
    return true;
}

}  // namespace mynah::net::internal
