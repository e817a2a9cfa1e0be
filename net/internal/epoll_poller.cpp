#include "net/internal/epoll_poller.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <system_error>
#include <vector>

#include <sys/epoll.h>

#include "conc/event_source.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/timeval.hpp"

namespace mynah::net::internal {
namespace {

constexpr unsigned kGenerationShift = 32;

std::uint64_t mark_of(int fd, std::uint32_t generation) noexcept {
    return (std::uint64_t{generation} << kGenerationShift) | static_cast<std::uint32_t>(fd);
}

/// An error or a hang-up ends any wait: the operation's own system call then says what it is. epoll says of each
/// descriptor all that is so at the moment, so that more may be found than has changed.
Interest found_in(std::uint32_t events) noexcept {
    unsigned what = kNothing;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        what = kRead | kWrite | kEnd;
    }
    if ((events & EPOLLRDHUP) != 0) {
        what |= kRead | kEnd;
    }
    if ((events & EPOLLIN) != 0) {
        what |= kRead;
    }
    if ((events & EPOLLOUT) != 0) {
        what |= kWrite;
    }
    return static_cast<Interest>(what);
}

}  // namespace

EpollPoller::EpollPoller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) {
        throw std::system_error(errno, std::system_category(), "epoll_create1");
    }
}

// What is ready already when it is registered is reported by the next wait.
void EpollPoller::watch(int fd, Interest interest) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= entries_.size()) {
        if (interest == kNothing) {
            return;
        }
        entries_.resize(index + 1);
    }
    Entry& entry = entries_[index];
    if (entry.registered == (interest != kNothing)) {
        return;
    }
    if (entry.registered) {
        // Where it fails the descriptor is closed, and no longer registered either.
        (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        forget(fd);
        return;
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = mark_of(fd, entry.generation);
    // EEXIST: the number was closed and given to the same file again, by somebody who said nothing.
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 &&
        (errno != EEXIST || ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)) {
        throw std::system_error(errno, std::system_category(), "epoll_ctl");
    }
    entry.registered = true;
}

// No system call: the kernel drops the registration when the file is closed.
void EpollPoller::forget(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (index < entries_.size() && entries_[index].registered) {
        entries_[index].registered = false;
        ++entries_[index].generation;
    }
}

int EpollPoller::call(conc::Duration left) noexcept {
    constexpr int kEvents = kEventsPerCall;
    const bool forever = left == conc::Duration::max();
    if (has_nanoseconds_) {
        const timespec timeout = to_timespec(left);
        const int count = ::epoll_pwait2(epoll_.get(), events_.data(), kEvents, forever ? nullptr : &timeout, nullptr);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return count;
        }
        has_nanoseconds_ = false;
    }
    const auto whole =
        std::chrono::ceil<std::chrono::milliseconds>(std::clamp(left, conc::Duration::zero(), kLongestWait));
    return ::epoll_wait(epoll_.get(), events_.data(), kEvents, forever ? -1 : static_cast<int>(whole.count()));
}

int EpollPoller::wait(conc::Duration left, std::vector<Ready>& ready) {
    const int count = call(left);
    if (count < 0) {
        return errno;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const std::uint64_t mark = events_[i].data.u64;
        const int fd = static_cast<int>(static_cast<std::uint32_t>(mark));
        const Entry& entry = entries_[static_cast<std::size_t>(fd)];
        if (entry.registered && mark == mark_of(fd, entry.generation)) {
            ready.push_back({.fd = fd, .what = found_in(events_[i].events)});
        }
    }
    return 0;
}

}  // namespace mynah::net::internal
