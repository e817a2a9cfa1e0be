#include "net/internal/uring.hpp"

#include <algorithm>  // IWYU pragma: keep
#include <cerrno>
#include <chrono>  // IWYU pragma: keep
#include <ctime>
#include <memory>
#include <system_error>

#include <liburing.h>
#include <poll.h>  // IWYU pragma: keep

#include "conc/event_source.hpp"
#include "conc/panic.hpp"
#include "net/internal/timeval.hpp"

namespace mynah::net::internal {
namespace {

const char* explain(int error) noexcept {
    switch (error) {
        case ENOSYS:
            return "io_uring is not in this kernel, or a seccomp filter hides it";
        case EPERM:
        case EACCES:
            return "io_uring is forbidden here (kernel.io_uring_disabled, or a seccomp filter)";
        case EINVAL:
            return "io_uring of this kernel is too old (Linux 6.1 is needed)";
        default:
            return "io_uring cannot be set up";
    }
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MYNAH_UNDER_THREAD_SANITIZER
#endif
#endif

/// ThreadSanitizer keeps a signal back until the thread makes a call that it knows, and liburing makes none. So with it
/// no wait is long, and such a call comes before each.
conc::Duration let_signals_in(conc::Duration left) noexcept {
#ifdef MYNAH_UNDER_THREAD_SANITIZER
    (void)::poll(nullptr, 0, 0);
    return std::min<conc::Duration>(left, std::chrono::milliseconds(20));
#else
    return left;
#endif
}

[[noreturn]] void refuse(int error) {
    throw std::system_error(error, std::system_category(), explain(error));
}

// A kernel may lack an operation, and a filter may let pass the setup and not the other two calls.
void probe(io_uring& ring) {
    const std::unique_ptr<io_uring_probe, decltype(&io_uring_free_probe)> found(::io_uring_get_probe_ring(&ring),
                                                                                &::io_uring_free_probe);
    if (found == nullptr) {
        refuse(EPERM);
    }
    for (const int operation :
         {IORING_OP_POLL_ADD, IORING_OP_ACCEPT, IORING_OP_ASYNC_CANCEL, IORING_OP_SEND, IORING_OP_RECV}) {
        if (io_uring_opcode_supported(found.get(), operation) == 0) {
            refuse(EINVAL);
        }
    }
    // A ring that is not enabled yet says EBADFD.
    if (const int result = ::io_uring_enter(static_cast<unsigned>(ring.ring_fd), 0, 0, 0, nullptr);
        result < 0 && result != -EBADFD) {
        refuse(-result);
    }
}

}  // namespace

Uring::Uring() {
    io_uring_params parameters{};
    // Disabled: the thread that enables it is the one that may use it.
    parameters.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                       IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
    parameters.cq_entries = kCompletions;
    if (const int result = ::io_uring_queue_init_params(kRequests, &ring_, &parameters); result < 0) {
        refuse(-result);
    }
    try {
        probe(ring_);
    } catch (...) {
        ::io_uring_queue_exit(&ring_);
        throw;
    }
}

Uring::~Uring() {
    ::io_uring_queue_exit(&ring_);
}

void Uring::enable() {
    // liburing 2.3 declares io_uring_enable_rings() and does not export it.
    check(::io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
    // Saves looking up the ring's descriptor in each call; where it fails, each call costs a little more.
    (void)::io_uring_register_ring_fd(&ring_);
}

io_uring_sqe& Uring::next() {
    for (;;) {
        if (io_uring_sqe* request = ::io_uring_get_sqe(&ring_); request != nullptr) [[likely]] {
            return *request;
        }
        submit();
    }
}

void Uring::submit() {
    if (io_uring_sq_ready(&ring_) != 0) {
        check(::io_uring_submit(&ring_));
    }
}

bool Uring::has_deferred() const noexcept {
    constexpr unsigned kDeferred = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & kDeferred) != 0;
}

void Uring::look() {
    if (io_uring_sq_ready(&ring_) != 0 || has_deferred()) {
        check(::io_uring_submit_and_get_events(&ring_));
    }
}

void Uring::wait(conc::Duration left) {
    io_uring_cqe* first = nullptr;
    left = let_signals_in(left);
    const timespec time = to_timespec(left);
    __kernel_timespec timeout{.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
    const bool forever = left == conc::Duration::max();
    check(::io_uring_submit_and_wait_timeout(&ring_, &first, 1, forever ? nullptr : &timeout, nullptr));
}

// ETIME and EINTR end a wait. EAGAIN and EBUSY: the kernel has no memory, or we are to take completions first; what was
// not begun is begun with the next call.
void Uring::check(int result) {
    switch (-result) {
        case ETIME:
        case EINTR:
        case EAGAIN:
        case EBUSY:
            return;
        default:
            if (result < 0) {
                conc::internal::fatal("io_uring failed: " + std::system_category().message(-result));
            }
    }
}

}  // namespace mynah::net::internal
