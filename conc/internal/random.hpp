// random.hpp -- the scheduler's small random number generator (splitmix64). Not for secrets.
#pragma once

#include <cstdint>

namespace mynah::conc::internal {

class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }

    /// Uniform in [0, bound); bound > 0. The bias of a 32-bit multiply is below 1 in 2^32 / bound.
    std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32U) * bound) >> 32U);
    }

    bool coin() noexcept { return (next() >> 63U) != 0; }

  private:
    std::uint64_t state_;
};

}  // namespace mynah::conc::internal
