// The standard library's side of conc_bench: threads, one for each task of a row.
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "tests/bench/conc/row.hpp"
#include "tests/bench/peers/on_threads.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kContenders = 4;
constexpr std::size_t kReaders = 2;

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

class LockedMap {
  public:
    std::uint64_t load(std::uint64_t key) {
        const std::lock_guard guard(mutex_);
        const auto found = values_.find(key);
        return found == values_.end() ? 0 : found->second;
    }
    void store(std::uint64_t key, std::uint64_t value) {
        const std::lock_guard guard(mutex_);
        values_[key] = value;
    }

  private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::uint64_t> values_;
};

}  // namespace

std::vector<Row> rows() {
    return {
        row<mutex<1>>("mutex_alone"),
        row<mutex<kContenders>>("mutex_contended"),
        row<once>("once"),
        row<rwmutex_read>("rwmutex_read"),
        row<map_mix<LockedMap, 90>>("map_90_10"),
        row<map_mix<LockedMap, 50>>("map_50_50"),
        row<map_mix<LockedMap, 10>>("map_10_90"),
    };
}

}  // namespace mynah::bench
