// statistics.hpp -- tests of whether two samples differ by more than chance, over counts in buckets.
//
// What     mann_whitney: whether one sample's values tend to be greater, and how often they are. two_proportions:
//          whether something is more frequent in one sample.
// Threads  any: pure functions.
// Bounds   both use the normal approximation, which is close from some tens of values on. They take values as
//          independent; those of neighbouring messages are not, so small probabilities are smaller than they should be.
// Cost     linear in the buckets.
#pragma once

#include <cstdint>
#include <vector>

namespace mynah::client::compare {

/// Times in nanoseconds that were counted together, both ends included.
struct Bucket {
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
    std::uint64_t count = 0;
};

/// Values in buckets that ascend and do not overlap.
struct Sample {
    std::vector<Bucket> buckets;
    std::int64_t largest = 0;

    std::uint64_t count() const;
    /// The least value that at least `percent` of all are not above, as the end of its bucket; 0 where there is none.
    std::int64_t percentile(double percent) const;
    /// How many are in buckets above this value.
    std::uint64_t above(std::int64_t value) const;
};

struct Shift {
    /// How often a value of the second sample is greater than one of the first, where half of all ties count (Vargha
    /// and Delaney's A): 0.5 where neither tends to be greater.
    double probability = 0.5;
    double p_value = 1;  // two-sided
};

/// Mann and Whitney's U with the correction for ties, of which buckets make many.
Shift mann_whitney(const Sample& first, const Sample& second);

/// Two-sided, of `hits` among `count` each; 1 where a count is zero.
double two_proportions(std::uint64_t first_hits, std::uint64_t first_count, std::uint64_t second_hits,
                       std::uint64_t second_count);

}  // namespace mynah::client::compare
