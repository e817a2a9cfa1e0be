#include "client/compare/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <vector>

namespace mynah::client::compare {
namespace {

/// The chance that a normally distributed value is as far from its mean as `z` standard deviations, or farther.
double two_sided(double z) {
    return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

/// How many of each sample are in one bucket, or in its counterpart.
struct Tie {
    double first = 0;
    double second = 0;
};

/// Both samples merged by where buckets begin: they come from one scheme, so they are the same or apart.
std::vector<Tie> ties_of(const Sample& first, const Sample& second) {
    std::vector<Tie> ties;
    auto a = first.buckets.begin();
    auto b = second.buckets.begin();
    while (a != first.buckets.end() || b != second.buckets.end()) {
        const bool takes_a = b == second.buckets.end() || (a != first.buckets.end() && a->lowest <= b->lowest);
        const bool takes_b = a == first.buckets.end() || (b != second.buckets.end() && b->lowest <= a->lowest);
        ties.push_back({.first = takes_a ? static_cast<double>(a->count) : 0,
                        .second = takes_b ? static_cast<double>(b->count) : 0});
        a += takes_a ? 1 : 0;
        b += takes_b ? 1 : 0;
    }
    return ties;
}

}  // namespace

std::uint64_t Sample::count() const {
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Bucket& bucket) { return sum + bucket.count; });
}

std::int64_t Sample::percentile(double percent) const {
    const std::uint64_t all = count();
    // Rounding must not ask for one more than 99.9% of 1,000.
    const double share = percent / 100 * static_cast<double>(all);
    const auto rank = std::max(static_cast<std::uint64_t>(std::ceil(share - 1e-12 * share)), std::uint64_t{1});
    std::uint64_t passed = 0;
    for (const Bucket& bucket : buckets) {
        passed += bucket.count;
        if (passed >= rank) {
            return passed >= all ? largest : std::min(bucket.highest, largest);
        }
    }
    return largest;
}

std::uint64_t Sample::above(std::int64_t value) const {
    std::uint64_t sum = 0;
    for (const Bucket& bucket : buckets) {
        sum += bucket.lowest > value ? bucket.count : 0;
    }
    return sum;
}

Shift mann_whitney(const Sample& first, const Sample& second) {
    double below = 0;  // of the first sample
    double wins = 0;
    double cubes = 0;
    double firsts = 0;
    double seconds = 0;
    for (const Tie& tie : ties_of(first, second)) {
        wins += tie.second * (below + tie.first / 2);
        below += tie.first;
        firsts += tie.first;
        seconds += tie.second;
        const double together = tie.first + tie.second;
        cubes += together * together * together - together;
    }
    const double pairs = firsts * seconds;
    if (pairs == 0) {
        return {};
    }
    const double all = firsts + seconds;
    const double variance = pairs / 12 * (all + 1 - cubes / (all * (all - 1)));
    if (variance <= 0) {
        return {};  // all values are in one bucket
    }
    return {.probability = wins / pairs, .p_value = two_sided((wins - pairs / 2) / std::sqrt(variance))};
}

double two_proportions(std::uint64_t first_hits, std::uint64_t first_count, std::uint64_t second_hits,
                       std::uint64_t second_count) {
    const auto n1 = static_cast<double>(first_count);
    const auto n2 = static_cast<double>(second_count);
    const double pooled = static_cast<double>(first_hits + second_hits) / (n1 + n2);
    const double variance = pooled * (1 - pooled) * (1 / n1 + 1 / n2);
    if (first_count == 0 || second_count == 0 || variance <= 0) {
        return 1;
    }
    return two_sided((static_cast<double>(second_hits) / n2 - static_cast<double>(first_hits) / n1) /
                     std::sqrt(variance));
}

}  // namespace mynah::client::compare
