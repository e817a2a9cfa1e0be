// uring_requests.cpp -- what UringEngine asks the kernel for, and takes back.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <liburing.h>
#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>  // IWYU pragma: keep

#include "net/internal/buffer_pool.hpp"
#include "net/internal/uring.hpp"
#include "net/internal/uring_buffers.hpp"
#include "net/internal/uring_engine.hpp"
#include "net/internal/uring_mark.hpp"
#include "net/internal/wake_up.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {

std::uint8_t UringEngine::group_of(std::size_t receive_bytes) noexcept {
    return static_cast<std::uint8_t>(std::bit_width(buffer_capacity(receive_bytes)) - std::bit_width(kSmallestBuffer));
}

UringBuffers& UringEngine::buffers_of(std::uint8_t group) {
    std::unique_ptr<UringBuffers>& buffers = buffers_[group];
    if (buffers == nullptr) {
        buffers = std::make_unique<UringBuffers>(ring_->ring(), group, kSmallestBuffer << group);
    }
    return *buffers;
}

/// One whose completions count: a request that takes another back is not among them.
io_uring_sqe& UringEngine::request() noexcept {
    ++in_flight_;
    return ring_->next();
}

void UringEngine::ask_read(int fd, Slot& slot) {
    const bool accepts = slot.reader->kind == Operation::Kind::accept;
    const std::uint8_t group = accepts ? std::uint8_t{0} : group_of(slot.reader->receive_bytes);
    if (!accepts) {
        (void)buffers_of(group);
        ++receiving_[group];
    }
    slot.reading = {.serial = next_serial(), .tag = accepts ? Tag::accept : Tag::receive, .group = group};
    io_uring_sqe& asked = request();
    if (accepts) {
        io_uring_prep_multishot_accept(&asked, fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } else {
        if (group <= kLargestAheadGroup) {
            io_uring_prep_recv_multishot(&asked, fd, nullptr, 0, 0);
        } else {
            io_uring_prep_recv(&asked, fd, nullptr, 0, 0);
        }
        asked.flags |= IOSQE_BUFFER_SELECT;
        asked.buf_group = group;
    }
    io_uring_sqe_set_data64(&asked, slot.reading.mark(fd));
}

void UringEngine::ask_send(Operation& operation) noexcept {
    // A request has 32 bits for the length, and the kernel takes less than 2 GiB at once.
    constexpr std::size_t kMostBytes = std::size_t{1} << 30U;
    io_uring_sqe& asked = request();
    io_uring_prep_send(&asked, operation.fd, operation.unsent.data(), std::min(operation.unsent.size(), kMostBytes),
                       MSG_NOSIGNAL);
    io_uring_sqe_set_data64(&asked, UringMark::pack(operation));
}

void UringEngine::ask_poll(int fd, Slot& slot, Tag tag) noexcept {
    Watch& watch = tag == Tag::poll_read ? slot.reading : slot.writing;
    watch = {.serial = next_serial(), .tag = tag};
    io_uring_sqe& asked = request();
    io_uring_prep_poll_add(&asked, fd, tag == Tag::poll_read ? POLLIN | POLLRDHUP : POLLOUT);
    io_uring_sqe_set_data64(&asked, watch.mark(fd));
}

void UringEngine::ask_wake() noexcept {
    io_uring_sqe& asked = request();
    io_uring_prep_poll_multishot(&asked, wake_up_.fd(), POLLIN);
    io_uring_sqe_set_data64(&asked, UringMark{.tag = Tag::wake}.pack());
}

// The request that served the reader has ended, and the reader still waits.
void UringEngine::ask_again(int fd, Slot& slot) {
    switch (slot.reader->kind) {
        case Operation::Kind::accept:
        case Operation::Kind::receive:
            ask_read(fd, slot);
            break;
        case Operation::Kind::pause:
            break;
        default:
            ask_poll(fd, slot, Tag::poll_read);
    }
}

// Whether it is found or has just ended: its own completion tells, so the one of this request is passed over.
void UringEngine::take_back(std::uint64_t mark) noexcept {
    io_uring_sqe& asked = ring_->next();
    io_uring_prep_cancel64(&asked, mark, 0);
    io_uring_sqe_set_data64(&asked, UringMark{.tag = Tag::cancel}.pack());
}

void UringEngine::take_back_all() noexcept {
    io_uring_sqe& asked = ring_->next();
    io_uring_prep_cancel64(&asked, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(&asked, UringMark{.tag = Tag::cancel}.pack());
}

// It still counts until its last completion: what it has brought by then is the stream's.
void UringEngine::take_back_read(int fd, Slot& slot) noexcept {
    Watch& watch = slot.reading;
    if (watch.serial != 0 && !watch.ending && (watch.tag == Tag::receive || watch.tag == Tag::accept)) {
        watch.ending = true;
        take_back(watch.mark(fd));
    }
}

// It no longer counts: it would bring nothing but the news.
void UringEngine::take_back_poll(int fd, Watch& watch) noexcept {
    if (watch.serial != 0 && (watch.tag == Tag::poll_read || watch.tag == Tag::poll_write)) {
        take_back(watch.mark(fd));
        watch.serial = 0;
    }
}

}  // namespace mynah::net::internal
