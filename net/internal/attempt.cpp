#include "net/internal/attempt.hpp"

#include <cerrno>
#include <cstddef>
#include <new>
#include <span>
#include <system_error>

#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "net/internal/datagram_attempt.hpp"
#include "net/internal/socket_address.hpp"
#include "net/operation.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MYNAH_NET_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MYNAH_NET_SANITIZED 1
#endif
#endif

namespace mynah::net::internal {
namespace {

// Both have the same number on Linux; the compiler warns when both stand in one condition.
bool would_block(int error) noexcept {
    return error == EAGAIN || (EAGAIN != EWOULDBLOCK && error == EWOULDBLOCK);
}

// glibc's recv and send are cancellation points, which costs a program with threads four atomic operations a message:
// as much as a task's turn. Nobody cancels our threads. The sanitizers know glibc's calls only.
#if defined(MYNAH_NET_SANITIZED)
ssize_t receive_into(int fd, std::span<std::byte> room) noexcept {
    return ::recv(fd, room.data(), room.size(), 0);
}
ssize_t send_from(int fd, std::span<const std::byte> bytes) noexcept {
    return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}
#else
ssize_t receive_into(int fd, std::span<std::byte> room) noexcept {
    return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}
ssize_t send_from(int fd, std::span<const std::byte> bytes) noexcept {
    return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}
#endif

bool failed(Operation& operation, int error) noexcept {
    operation.error = std::error_code(error, std::system_category());
    return true;
}

bool try_accept(Operation& operation, bool& drained) {
    for (;;) {
        SocketAddress& peer = *operation.address;
        peer.length = sizeof(peer.v6);
        const int fd = ::accept4(operation.fd, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            drained = false;
            operation.accepted.reset(fd);
            return true;
        }
        if (would_block(errno)) {
            drained = true;
            return false;
        }
        if (errno != EINTR && !died_in_queue(errno)) {
            // With no descriptor free accept4 fails even where nobody is queued: the next try waits for somebody.
            drained = true;
            return failed(operation, errno);
        }
    }
}

bool try_connect(Operation& operation) noexcept {
    if (!operation.begun) {
        operation.begun = true;
        const SocketAddress& address = *operation.address;
        if (::connect(operation.fd, &address.any, address.length) == 0) {
            return true;
        }
        // After EINTR the connection is made in the background all the same (connect(2)).
        return errno == EINPROGRESS || errno == EINTR ? false : failed(operation, errno);
    }
    if (operation.doubted && !is_ready_now(operation)) {
        return false;
    }
    int error = 0;
    socklen_t length = sizeof(error);
    if (::getsockopt(operation.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    return error == 0 ? true : failed(operation, error);
}

}  // namespace

bool attempt_receive(Operation& operation, bool& drained) {
    try {
        operation.lease = Lease::take(operation.receive_bytes);
    } catch (const std::bad_alloc&) {
        return failed(operation, ENOMEM);
    }
    const std::span<std::byte> room = operation.lease.room();
    ssize_t count = 0;
    do {
        count = receive_into(operation.fd, room);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        const int error = errno;
        operation.lease = {};  // a stream that waits owns no buffer
        if (would_block(error)) {
            drained = true;
            return false;
        }
        return failed(operation, error);
    }
    const auto bytes = static_cast<std::size_t>(count);
    drained = bytes > 0 && bytes < room.size();
    operation.lease.set_size(bytes);
    if (bytes == 0) {
        operation.lease = {};
    }
    return true;
}

bool attempt_send(Operation& operation) noexcept {
    if (operation.unsent.empty()) {
        return true;
    }
    ssize_t count = 0;
    do {
        count = send_from(operation.fd, operation.unsent);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return would_block(errno) ? false : failed(operation, errno);
    }
    // After a short send the queue is full: it has to wait, trying again at once would only fail.
    operation.unsent = operation.unsent.subspan(static_cast<std::size_t>(count));
    return operation.unsent.empty();
}

bool died_in_queue(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
            return true;
        default:
            return false;
    }
}

bool attempt(Operation& operation, bool& drained) {
    switch (operation.kind) {
        case Operation::Kind::accept:
            return try_accept(operation, drained);
        case Operation::Kind::receive:
            return attempt_receive(operation, drained);
        case Operation::Kind::send:
            return attempt_send(operation);
        case Operation::Kind::connect:
            return try_connect(operation);
        case Operation::Kind::readable:
        case Operation::Kind::writable:
            return !operation.doubted || is_ready_now(operation);  // tried only when the driver has seen it ready
        case Operation::Kind::pause:
            return false;
        case Operation::Kind::receive_batch:
            return operation.datagrams->try_receive(operation, drained);
        case Operation::Kind::send_batch:
            return operation.datagrams->try_send(operation);
    }
    return failed(operation, EINVAL);
}

bool is_ready_now(const Operation& operation) {
    const bool reads = operation.kind == Operation::Kind::readable;
    pollfd one{.fd = operation.fd, .events = static_cast<short>(reads ? POLLIN : POLLOUT), .revents = 0};
    return ::poll(&one, 1, 0) > 0;
}

}  // namespace mynah::net::internal
