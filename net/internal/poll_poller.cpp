#include "net/internal/poll_poller.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#include <sys/poll.h>

#include "conc/event_source.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/timeval.hpp"

namespace mynah::net::internal {
namespace {

short events_of(Interest interest) noexcept {
    return static_cast<short>(((interest & kRead) != 0 ? POLLIN : 0) | ((interest & kWrite) != 0 ? POLLOUT : 0));
}

/// An error or a hang-up ends any wait: the operation's own system call then says what it is.
Interest found_in(const pollfd& entry) noexcept {
    if ((entry.revents & POLLNVAL) != 0) {
        return kInvalid;
    }
    const bool broken = (entry.revents & (POLLERR | POLLHUP)) != 0;
    const bool reads = (entry.events & POLLIN) != 0 && (broken || (entry.revents & POLLIN) != 0);
    const bool writes = (entry.events & POLLOUT) != 0 && (broken || (entry.revents & POLLOUT) != 0);
    return static_cast<Interest>((reads ? kRead : 0U) | (writes ? kWrite : 0U));
}

}  // namespace

void PollPoller::watch(int fd, Interest interest) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= place_.size()) {
        if (interest == kNothing) {
            return;
        }
        place_.resize(index + 1, kNoPlace);
    }
    const std::uint32_t place = place_[index];
    if (place == kNoPlace) {
        if (interest != kNothing) {
            watched_.push_back({.fd = fd, .events = events_of(interest), .revents = 0});
            place_[index] = static_cast<std::uint32_t>(watched_.size() - 1);
        }
    } else if (interest != kNothing) {
        watched_[place].events = events_of(interest);
    } else {
        watched_[place] = watched_.back();
        place_[static_cast<std::size_t>(watched_[place].fd)] = place;
        watched_.pop_back();
        place_[index] = kNoPlace;
    }
}

int PollPoller::wait(conc::Duration left, std::vector<Ready>& ready) {
    const timespec timeout = to_timespec(left);
    int count = ::ppoll(watched_.data(), watched_.size(), left == conc::Duration::max() ? nullptr : &timeout, nullptr);
    if (count < 0) {
        return errno;
    }
    for (std::size_t i = 0; count > 0 && i < watched_.size(); ++i) {
        if (watched_[i].revents != 0) {
            ready.push_back({.fd = watched_[i].fd, .what = found_in(watched_[i])});
            --count;
        }
    }
    return 0;
}

}  // namespace mynah::net::internal
