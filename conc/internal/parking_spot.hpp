// parking_spot.hpp -- where one thread sleeps until another wakes it or a time has come.
//
// What     park() sleeps; unpark() ends that, or keeps the next park() from sleeping.
// Threads  park by one thread, unpark by any.
// Order    unpark() synchronizes-before the return of the park() that it ends.
// Cost     a futex system call for each real sleep and each waking of a sleeper; else one atomic exchange. Not a
//          std::condition_variable: glibc's can lose a wake-up (bug 25847).
#pragma once

#include <cstdint>
#include <optional>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

class ParkingSpot {
  public:
    /// At most until `deadline`; not at all where that has passed. Spurious returns do not happen.
    void park(std::optional<TimePoint> deadline) noexcept;
    void unpark() noexcept;

  private:
    // awake -> asleep (park), any -> signalled (unpark), signalled -> awake (park returns).
    static constexpr std::uint32_t kAwake = 0;
    static constexpr std::uint32_t kAsleep = 1;
    static constexpr std::uint32_t kSignalled = 2;

    void wait(std::optional<TimePoint> deadline) noexcept;
    void* word() noexcept { return static_cast<void*>(&state_); }

    Atomic<std::uint32_t> state_{kAwake};
    static_assert(sizeof(Atomic<std::uint32_t>) == sizeof(std::uint32_t), "the kernel sees a plain 32-bit word");
};

}  // namespace mynah::conc::internal
