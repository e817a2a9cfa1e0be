// split_mix.hpp -- scatters numbers: what goes in counts up, what comes out looks like chance.
// Threads  any: it is a pure function.
// Errors   none.
#pragma once

#include <cstdint>

namespace mynah::net {

/// SplitMix64, by Vigna: https://prng.di.unimi.it/splitmix64.c
constexpr std::uint64_t split_mix(std::uint64_t value) noexcept {
    value += 0x9E3779B97F4A7C15U;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31U);
}

}  // namespace mynah::net
