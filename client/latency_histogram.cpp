#include "client/latency_histogram.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace mynah::client {

void LatencyHistogram::add(const LatencyHistogram& other) noexcept {
    if (other.count_ == 0) {
        return;
    }
    const std::size_t last = index_of(std::min(other.max_, kLargestValue));
    for (std::size_t i = index_of(std::min(other.min_, kLargestValue)); i <= last; ++i) {
        counts_[i] += other.counts_[i];
    }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

void LatencyHistogram::clear() noexcept {
    if (count_ == 0) {
        return;
    }
    const auto first = counts_.begin() + static_cast<std::ptrdiff_t>(index_of(std::min(min_, kLargestValue)));
    const auto last = counts_.begin() + static_cast<std::ptrdiff_t>(index_of(std::min(max_, kLargestValue)));
    std::fill(first, last + 1, 0);
    count_ = 0;
    sum_ = 0;
    min_ = std::numeric_limits<std::uint64_t>::max();
    max_ = 0;
}

std::chrono::nanoseconds LatencyHistogram::min() const noexcept {
    return std::chrono::nanoseconds(count_ == 0 ? 0 : static_cast<std::int64_t>(min_));
}

std::chrono::nanoseconds LatencyHistogram::max() const noexcept {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(max_));
}

std::chrono::nanoseconds LatencyHistogram::mean() const noexcept {
    return std::chrono::nanoseconds(count_ == 0 ? 0 : std::llround(sum_ / static_cast<double>(count_)));
}

std::chrono::nanoseconds LatencyHistogram::percentile(double percent) const noexcept {
    if (count_ == 0) {
        return std::chrono::nanoseconds(0);
    }
    // Rounding must not ask for one more than 99.9% of 1,000.
    const double share = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_);
    const auto rank =
        std::clamp(static_cast<std::uint64_t>(std::ceil(share - 1e-12 * share)), std::uint64_t{1}, count_);
    if (rank == count_) {
        return max();
    }
    std::uint64_t passed = 0;
    for (std::size_t i = index_of(std::min(min_, kLargestValue)); i < counts_.size(); ++i) {
        passed += counts_[i];
        if (passed >= rank) {
            return std::min(bucket_at(i, 0).highest, max());
        }
    }
    return max();
}

std::vector<LatencyHistogram::Bucket> LatencyHistogram::buckets() const {
    std::vector<Bucket> filled;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        if (counts_[i] > 0) {
            filled.push_back(bucket_at(i, counts_[i]));
        }
    }
    return filled;
}

LatencyHistogram::Bucket LatencyHistogram::bucket_at(std::size_t index, std::uint64_t count) noexcept {
    const std::uint64_t shift = index < kLinear ? 0 : index / kHalf - 1;
    const std::uint64_t lowest = (index - shift * kHalf) << shift;
    const std::uint64_t highest = lowest + (std::uint64_t{1} << shift) - 1;
    return {.lowest = std::chrono::nanoseconds(static_cast<std::int64_t>(lowest)),
            .highest = std::chrono::nanoseconds(static_cast<std::int64_t>(highest)),
            .count = count};
}

}  // namespace mynah::client
