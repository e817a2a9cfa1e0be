// concurrent_map_support.hpp -- what the tests of ConcurrentMap share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/internal/atomic.hpp"

namespace mynah::conc {

struct OneBucket {
    std::size_t operator()(int) const noexcept { return 7; }
};
struct PoorLowBits {
    std::size_t operator()(int key) const noexcept { return static_cast<std::size_t>(key) << 20U; }
};
struct HighBitsOnly {
    std::size_t operator()(int key) const noexcept { return static_cast<std::size_t>(key) << 48U; }
};

using MapHashes = testing::Types<std::hash<int>, OneBucket, PoorLowBits, HighBitsOnly>;

/// Counts the objects alive. Larger than a register, so that the map keeps it in a block of its own.
class Counted {
  public:
    explicit Counted(std::int64_t value) : value_(value) { ++alive; }
    Counted(const Counted& other) : value_(other.value_) { ++alive; }
    Counted(Counted&& other) noexcept : value_(std::exchange(other.value_, -1)) { ++alive; }
    Counted& operator=(const Counted&) = default;
    ~Counted() {
        value_ = -2;
        --alive;
    }
    bool operator==(const Counted& other) const { return value_ == other.value_; }
    std::int64_t value() const { return value_; }

    static inline internal::Atomic<std::int64_t> alive{0};

  private:
    std::int64_t value_;
    [[maybe_unused]] std::array<std::int64_t, 8> padding_{};
};

template <class Map>
std::map<int, int> contents(const Map& map) {
    std::map<int, int> all;
    map.range([&all](const int& key, const int& value) {
        EXPECT_TRUE(all.emplace(key, value).second) << "range saw " << key << " twice";
        return true;
    });
    return all;
}

/// Runs fn(index) on as many threads, and waits for them.
template <class Fn>
void on_threads(int count, Fn fn) {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([fn, i] { fn(i); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace mynah::conc
