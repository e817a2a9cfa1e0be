#include "net/internal/select_poller.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <vector>

#include <fcntl.h>
#include <sys/select.h>

#include "conc/event_source.hpp"
#include "conc/panic.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/timeval.hpp"

namespace mynah::net::internal {
SelectPoller::SelectPoller() noexcept {
    FD_ZERO(&readers_);
    FD_ZERO(&writers_);
}

void SelectPoller::watch(int fd, Interest interest) {
    if (!admits(fd)) {
        conc::internal::fatal("a descriptor outside of fd_set reached the select driver");
    }
    if ((interest & kRead) != 0) {
        FD_SET(fd, &readers_);
    } else {
        FD_CLR(fd, &readers_);
    }
    const bool writes = FD_ISSET(fd, &writers_) != 0;
    if ((interest & kWrite) != 0) {
        FD_SET(fd, &writers_);
        writer_count_ += writes ? 0 : 1;
    } else {
        FD_CLR(fd, &writers_);
        writer_count_ -= writes ? 1 : 0;
    }
    if (interest != kNothing) {
        highest_ = std::max(highest_, fd);
    }
}

void SelectPoller::lower_highest() noexcept {
    while (highest_ >= 0 && FD_ISSET(highest_, &readers_) == 0 && FD_ISSET(highest_, &writers_) == 0) {
        --highest_;
    }
}

int SelectPoller::wait(conc::Duration left, std::vector<Ready>& ready) {
    lower_highest();
    fd_set readable = readers_;
    fd_set writable;
    if (writer_count_ > 0) {
        writable = writers_;
    }
    // On Linux select changes the timeval as well, so each call gets a new one.
    timeval timeout = to_timeval(left);
    const int count = ::select(highest_ + 1, &readable, writer_count_ > 0 ? &writable : nullptr, nullptr,
                               left == conc::Duration::max() ? nullptr : &timeout);
    if (count < 0) {
        const int error = errno;
        if (error != EBADF) {
            return error;
        }
        find_invalid(ready);
        return 0;
    }
    collect(readable, writer_count_ > 0 ? &writable : nullptr, count, ready);
    return 0;
}

// FD_ISSET for every descriptor, a word of them at a time. `count` is of bits in both sets.
void SelectPoller::collect(const fd_set& readable, const fd_set* writable, int count, std::vector<Ready>& ready) {
    const Words reads = std::bit_cast<Words>(readable);
    const Words writes = writable != nullptr ? std::bit_cast<Words>(*writable) : Words{};
    for (std::size_t i = 0; count > 0 && i < kWords; ++i) {
        for (unsigned long bits = reads[i] | writes[i]; bits != 0; bits &= bits - 1) {
            const unsigned long lowest = bits & (~bits + 1);
            const bool reads_now = (reads[i] & lowest) != 0;
            const bool writes_now = (writes[i] & lowest) != 0;
            const unsigned what = (reads_now ? kRead : 0U) | (writes_now ? kWrite : 0U);
            const int fd = static_cast<int>(i * kWordBits) + std::countr_zero(bits);
            ready.push_back({.fd = fd, .what = static_cast<Interest>(what)});
            count -= std::popcount(what);
        }
    }
}

// EBADF does not say which: somebody closed a descriptor that was still watched.
void SelectPoller::find_invalid(std::vector<Ready>& ready) const {
    for (int fd = 0; fd <= highest_; ++fd) {
        const bool watched = FD_ISSET(fd, &readers_) != 0 || FD_ISSET(fd, &writers_) != 0;
        if (watched && ::fcntl(fd, F_GETFD) < 0) {
            ready.push_back({.fd = fd, .what = kInvalid});
        }
    }
}

}  // namespace mynah::net::internal
