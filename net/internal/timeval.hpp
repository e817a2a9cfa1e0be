// timeval.hpp -- deadlines, and durations in the forms that select(2) and ppoll(2) take.
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>

#include <sys/time.h>

#include "conc/event_source.hpp"

namespace mynah::net::internal {

/// One wait is at most this long; the kernel refuses some longer ones.
inline constexpr conc::Duration kLongestWait = std::chrono::hours(24);

/// `timeout` after `start`; TimePoint::max() stands for never.
inline conc::TimePoint deadline_after(conc::TimePoint start, conc::Duration timeout) noexcept {
    if (timeout <= conc::Duration::zero()) {
        return start;
    }
    return timeout > conc::TimePoint::max() - start ? conc::TimePoint::max() : start + timeout;
}

/// Between zero and kLongestWait, rounded up, so that a wait does not end just before its deadline.
inline timeval to_timeval(conc::Duration left) noexcept {
    const auto whole =
        std::chrono::ceil<std::chrono::microseconds>(std::clamp(left, conc::Duration::zero(), kLongestWait));
    constexpr std::chrono::microseconds::rep kSecond = 1'000'000;
    return {.tv_sec = whole.count() / kSecond, .tv_usec = whole.count() % kSecond};
}

inline timespec to_timespec(conc::Duration left) noexcept {
    const std::chrono::nanoseconds whole = std::clamp(left, conc::Duration::zero(), kLongestWait);
    constexpr std::chrono::nanoseconds::rep kSecond = 1'000'000'000;
    return {.tv_sec = whole.count() / kSecond, .tv_nsec = whole.count() % kSecond};
}

}  // namespace mynah::net::internal
