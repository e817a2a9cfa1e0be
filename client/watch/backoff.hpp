// backoff.hpp -- how long to wait before the next attempt to connect.
//
// What     next() is drawn evenly from the upper half of a range that doubles with every attempt, from kFirst to kMost;
//          succeeded() begins anew. So that those who lost their server at one moment do not come back at one.
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace mynah::client::watch {

class Backoff {
  public:
    static constexpr std::chrono::milliseconds kFirst{20};
    static constexpr std::chrono::milliseconds kMost{2000};

    explicit Backoff(std::uint64_t seed) : random_(seed) {}

    std::chrono::nanoseconds next() {
        const std::chrono::nanoseconds range = range_;
        range_ = std::min(range_ * 2, kMost);
        return std::chrono::nanoseconds(
            std::uniform_int_distribution<std::int64_t>(range.count() / 2, range.count())(random_));
    }

    void succeeded() noexcept { range_ = kFirst; }

  private:
    std::mt19937_64 random_;
    std::chrono::milliseconds range_ = kFirst;
};

}  // namespace mynah::client::watch
