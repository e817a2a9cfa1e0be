// The standard library's side of conc_bench: threads, one for each task of a row.
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kContenders = 4;
constexpr std::size_t kReaders = 2;
constexpr std::size_t kMapUsers = 2;
constexpr std::uint64_t kKeys = 65536;

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

template <std::size_t threads>
Measurement mutex(std::size_t operations) {
    std::mutex mutex;
    std::size_t counter = 0;
    const Measurement measured = on_threads(threads, operations, [&](std::size_t /*index*/, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::lock_guard guard(mutex);
            ++counter;
        }
    });
    expect_equal(counter, operations);
    return measured;
}

Measurement once(std::size_t operations) {
    std::once_flag flag;
    std::size_t calls = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        std::call_once(flag, [&calls] { ++calls; });
    }
    const auto time = Clock::now() - start;
    expect_equal(calls, 1);
    return {.time = time};
}

Measurement rwmutex_read(std::size_t operations) {
    std::shared_mutex mutex;
    const std::size_t guarded = operations;
    return on_threads(kReaders, operations, [&](std::size_t /*index*/, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::shared_lock guard(mutex);
            keep(guarded);
        }
    });
}

/// Loads and stores of random keys, half of which are there from the start. `loads` is in percent.
template <std::uint64_t loads>
Measurement map(std::size_t operations) {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint64_t> values;
    for (std::uint64_t key = 0; key < kKeys; key += 2) {
        values[key] = key;
    }
    return on_threads(kMapUsers, operations, [&](std::size_t index, std::size_t count) {
        std::uint64_t random = index + 1;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            random ^= random << 13U;  // xorshift64
            random ^= random >> 7U;
            random ^= random << 17U;
            const std::uint64_t key = random % kKeys;
            const std::lock_guard guard(mutex);
            if ((random >> 32U) % 100 < loads) {
                const auto found = values.find(key);
                sum += found == values.end() ? 0 : found->second;
            } else {
                values[key] = i;
            }
        }
        keep(sum);
    });
}

}  // namespace

std::vector<Row> rows() {
    return {
        row<mutex<1>>("mutex_alone"),
        row<mutex<kContenders>>("mutex_contended"),
        row<once>("once"),
        row<rwmutex_read>("rwmutex_read"),
        row<map<90>>("map_90_10"),
        row<map<50>>("map_50_50"),
        row<map<10>>("map_10_90"),
    };
}

}  // namespace mynah::bench
