// uring.hpp -- io_uring(7) as one worker uses it: queues of requests and of completions, shared with the kernel.
//
// What     set up for a single thread, and the kernel does what it has deferred only when that thread asks
//          (IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_DEFER_TASKRUN: Linux 6.1). So between two calls of look() or
//          wait() nothing happens to our requests.
// Threads  made on any thread; from enable() on, everything on the thread that called it.
// Errors   the constructor throws std::system_error with what the machine lacks or forbids. A call that fails later,
//          and not for want of memory, ends the program: it would be a mistake of ours.
// Cost     next() costs no system call while the queue has room; look() costs none where nothing is to be done.
#pragma once

#include <cstddef>
#include <cstdint>

#include <liburing.h>

#include "conc/event_source.hpp"

namespace mynah::net::internal {

class Uring {
  public:
    /// Of Linux since 6.13; before, it did all at once.
    static constexpr std::size_t kDeferredPerLook = 20;

    struct Completion {
        std::uint64_t mark;  // what the request bore as its user_data
        int result;          // of the system call's kind: negative is -errno
        unsigned flags;      // IORING_CQE_F_...
    };

    Uring();
    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;
    ~Uring();

    /// This thread is the one that uses it.
    void enable();

    /// A request to be filled in; it begins with the next look() or wait(), or where the queue is full.
    io_uring_sqe& next();

    /// Begins what was asked for, and lets the kernel do what it has deferred, without waiting. It does no more than
    /// kDeferredPerLook things of that, the oldest first.
    void look();

    /// The same, and waits for a completion for `left` at most (Duration::max(): for ever). May return early.
    void wait(conc::Duration left);

    /// Whether the kernel has deferred something, or holds completions that found no room.
    bool has_deferred() const noexcept;

    /// Passes every completion that is there to `each`; returns how many there were.
    template <class Function>
    unsigned take(Function&& each) {
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* completion = nullptr;
        io_uring_for_each_cqe(&ring_, head, completion) {
            ++count;
            each(Completion{.mark = completion->user_data, .result = completion->res, .flags = completion->flags});
        }
        io_uring_cq_advance(&ring_, count);
        return count;
    }

    /// For buffer rings.
    io_uring& ring() noexcept { return ring_; }

  private:
    static constexpr unsigned kRequests = 1024;
    static constexpr unsigned kCompletions = 4096;

    void submit();
    void check(int result);

    io_uring ring_{};
};

}  // namespace mynah::net::internal
