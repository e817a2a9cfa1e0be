// poller.hpp -- the part of a readiness driver that differs from one system call to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "conc/event_source.hpp"

namespace mynah::net::internal {

/// Bits of what a descriptor is watched for, and of what was found.
using Interest = std::uint8_t;
inline constexpr Interest kNothing = 0;
inline constexpr Interest kRead = 1;
inline constexpr Interest kWrite = 2;
inline constexpr Interest kInvalid = 4;  // found only: the descriptor is not open
inline constexpr Interest kEnd = 8;      // found only: the peer sends no more, or there was an error

struct Ready {
    int fd;
    Interest what;
};

class Poller {
  public:
    Poller() = default;
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    virtual ~Poller() = default;

    /// Whether watch() takes this descriptor.
    virtual bool admits(int fd) const noexcept = 0;

    /// Whether it reports a change once, and then goes on watching: who is told has to remember it. Else it reports
    /// what is so, again and again while it is watched.
    virtual bool edge_triggered() const noexcept { return false; }

    /// How many pending operations it serves as well as any other poller does.
    virtual std::size_t suits() const noexcept { return std::numeric_limits<std::size_t>::max(); }

    /// Watches `fd`, which is admitted, for `interest` and nothing else (edge-triggered: for everything, unless it is
    /// kNothing); kNothing ends that.
    virtual void watch(int fd, Interest interest) = 0;

    /// `fd` is about to be closed: watches it no longer.
    virtual void forget(int fd) noexcept { watch(fd, kNothing); }

    /// One system call. Waits for `left` (Duration::max(): for ever) and appends what is ready.
    /// Returns 0, or the errno value: EINTR is the caller's to retry, with the time that is left.
    virtual int wait(conc::Duration left, std::vector<Ready>& ready) = 0;

    virtual std::string_view name() const noexcept = 0;
};

}  // namespace mynah::net::internal
