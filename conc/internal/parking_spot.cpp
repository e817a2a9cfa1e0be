#include "conc/internal/parking_spot.hpp"

#include <cstdint>
#include <ctime>
#include <optional>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

void ParkingSpot::park(std::optional<TimePoint> deadline) noexcept {
    std::uint32_t seen = kAwake;
    const bool may_sleep = !deadline || *deadline > Clock::now();
    if (may_sleep && state_.compare_exchange_strong(seen, kAsleep)) {
        wait(deadline);
    }
    state_.exchange(kAwake);  // reads what it replaces: a signal synchronizes even where the deadline came first
}

void ParkingSpot::unpark() noexcept {
    if (state_.exchange(kSignalled) == kAsleep) {
        ::syscall(SYS_futex, word(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
}

// FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, so a retry waits no longer (futex(2)).
void ParkingSpot::wait(std::optional<TimePoint> deadline) noexcept {
    timespec until{};
    if (deadline) {
        const std::int64_t ns = deadline->time_since_epoch().count();
        constexpr std::int64_t kSecond = 1'000'000'000;
        until = {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
    }
    while (state_.load() == kAsleep && (!deadline || Clock::now() < *deadline)) {
        ::syscall(SYS_futex, word(), FUTEX_WAIT_BITSET_PRIVATE, kAsleep, deadline ? &until : nullptr, nullptr,
                  FUTEX_BITSET_MATCH_ANY);
    }
}

}  // namespace mynah::conc::internal
