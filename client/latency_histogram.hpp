// latency_histogram.hpp -- counts times in buckets that are fine enough for three significant digits.
//
// What     add() counts a time; percentile(), mean(), max() tell of all that were added. The buckets are log-linear,
//          as those of HdrHistogram: of one nanosecond up to 2,047, then 1,024 of equal width from each power of two to
//          the next, so that a bucket is never wider than 1/1024 of what it holds.
// Threads  one at a time.
// Errors   none: a time below zero counts as zero, one above kLargest goes into the last bucket. min() and max() are
//          exact, and mean() up to rounding.
// Cost     add(): a few instructions, no branch on the value's size. 36,864 counters, 288 KiB.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace mynah::client {

class LatencyHistogram {
  public:
    static constexpr unsigned kLinearBits = 11;
    static constexpr unsigned kLargestBits = 46;
    static constexpr std::chrono::nanoseconds kLargest{(std::int64_t{1} << kLargestBits) - 1};  // 19 hours

    /// The times that a bucket holds, both ends included.
    struct Bucket {
        std::chrono::nanoseconds lowest;
        std::chrono::nanoseconds highest;
        std::uint64_t count;
    };

    LatencyHistogram() : counts_(kBuckets) {}

    void add(std::chrono::nanoseconds time) noexcept {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
        ++counts_[index_of(std::min(value, kLargestValue))];
        ++count_;
        sum_ += static_cast<double>(value);
        min_ = std::min(min_, value);
        max_ = std::max(max_, value);
    }

    /// Adds all that `other` holds.
    void add(const LatencyHistogram& other) noexcept;
    void clear() noexcept;

    std::uint64_t count() const noexcept { return count_; }
    /// All of these are zero where nothing was added.
    std::chrono::nanoseconds min() const noexcept;
    std::chrono::nanoseconds max() const noexcept;
    std::chrono::nanoseconds mean() const noexcept;

    /// The least time that at least `percent` of all times are not above: of its bucket the highest time, never more
    /// than max().
    std::chrono::nanoseconds percentile(double percent) const noexcept;

    /// Those that hold something, in ascending order.
    std::vector<Bucket> buckets() const;

  private:
    static constexpr std::uint64_t kLinear = std::uint64_t{1} << kLinearBits;
    static constexpr std::uint64_t kHalf = kLinear / 2;
    static constexpr std::uint64_t kLargestValue = (std::uint64_t{1} << kLargestBits) - 1;
    static constexpr std::size_t kBuckets = kLinear + (kLargestBits - kLinearBits) * kHalf;

    // The number of low bits that do not count; what is left is from kHalf to kLinear - 1, but for the linear part.
    static constexpr unsigned shift_of(std::uint64_t value) noexcept {
        return static_cast<unsigned>(std::bit_width(value | (kLinear - 1))) - kLinearBits;
    }
    static constexpr std::size_t index_of(std::uint64_t value) noexcept {
        const unsigned shift = shift_of(value);
        return shift * kHalf + static_cast<std::size_t>(value >> shift);
    }
    static Bucket bucket_at(std::size_t index, std::uint64_t count) noexcept;

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    double sum_ = 0;
    std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t max_ = 0;
};

}  // namespace mynah::client
