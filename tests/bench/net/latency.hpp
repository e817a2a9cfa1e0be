// latency.hpp -- how long messages took: counts in buckets that grow with the time, 1/16 wide at most.
//
// What     add() counts one; quantile(0.99) is the time within which that share of all came back.
// Threads  one.
// Cost     a few instructions and 8 KB, whatever is added.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mynah::bench {

class Latency {
  public:
    void add(std::chrono::nanoseconds time) {
        ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)))];
        ++total_;
    }

    [[nodiscard]] std::chrono::nanoseconds quantile(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t passed = 0;
        for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
            passed += counts_[bucket];
            if (passed > wanted) {
                return std::chrono::nanoseconds(highest_in(bucket));
            }
        }
        return std::chrono::nanoseconds(0);
    }

  private:
    static constexpr unsigned kBits = 4;  // of each power of two, as many buckets as they count to
    static constexpr std::uint64_t kEach = std::uint64_t{1} << kBits;
    static constexpr unsigned kShifts = 60;

    static std::size_t bucket_of(std::uint64_t value) {
        if (value < kEach) {
            return value;
        }
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
        return (shift + 1) * kEach + ((value >> shift) - kEach);
    }
    static std::uint64_t highest_in(std::size_t bucket) {
        if (bucket < kEach) {
            return bucket;
        }
        const unsigned shift = static_cast<unsigned>(bucket / kEach) - 1;
        return ((kEach + bucket % kEach + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (kShifts + 1) * kEach> counts_{};
    std::uint64_t total_ = 0;
};

}  // namespace mynah::bench
