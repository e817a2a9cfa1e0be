// on_threads.hpp -- what the peers that use plain threads have in common: the threads, and the map rows' program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {

/// Runs work(index, its share of the operations) on each of so many threads.
template <class Work>
Measurement on_threads(std::size_t threads, std::size_t operations, Work work) {
    std::vector<std::jthread> running;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < threads; ++i) {
        running.emplace_back(work, i, share(operations, threads, i));
    }
    for (std::jthread& each : running) {
        each.join();
    }
    return {.time = Clock::now() - start};
}

/// Loads and stores of random keys, half of which are there from the start. `loads` is in percent. A Map has
/// load(key), which gives 0 for a key that is not there, and store(key, value).
template <class Map, std::uint64_t loads>
Measurement map_mix(std::size_t operations) {
    constexpr std::size_t kUsers = 2;
    constexpr std::uint64_t kKeys = 65536;
    Map map;
    for (std::uint64_t key = 0; key < kKeys; key += 2) {
        map.store(key, key);
    }
    return on_threads(kUsers, operations, [&](std::size_t index, std::size_t count) {
        std::uint64_t random = index + 1;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            random ^= random << 13U;  // xorshift64
            random ^= random >> 7U;
            random ^= random << 17U;
            const std::uint64_t key = random % kKeys;
            if ((random >> 32U) % 100 < loads) {
                sum += map.load(key);
            } else {
                map.store(key, i);
            }
        }
        keep(sum);
    });
}

}  // namespace mynah::bench
