#include "server/fault/fault_places.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "conc/internal/random.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

/// One seed of all that tells two sequences of places apart.
std::uint64_t mix(const FaultRule& rule, std::uint64_t number) {
    std::uint64_t mixed = rule.seed;
    for (const std::uint64_t part : {static_cast<std::uint64_t>(rule.kind), number}) {
        mixed = conc::internal::Random(mixed ^ (part * 0x9e3779b97f4a7c15U)).next();
    }
    return mixed;
}

}  // namespace

FaultPlaces::FaultPlaces(const FaultRule& rule, std::uint64_t number, std::uint64_t origin, std::uint64_t length)
    : spacing_(rule.spacing), distance_(rule.distance), length_(length), random_(mix(rule, number)) {
    enter(spacing_ == FaultSpacing::mean ? origin + draw_gap() - 1 : distance_);
}

void FaultPlaces::advance() {
    switch (spacing_) {
        case FaultSpacing::at:
            current_ = {.begin = kNever, .end = kNever, .draw = 0};
            return;
        case FaultSpacing::every:
            enter((current_.end + distance_ - 1) / distance_ * distance_);
            return;
        case FaultSpacing::mean:
            enter(current_.end + draw_gap() - 1);
            return;
    }
}

void FaultPlaces::enter(std::uint64_t begin) {
    current_ = {.begin = begin, .end = begin + length_, .draw = random_.next()};
}

/// Geometric: how many places one has to look at until one is hit, each with a probability of 1 in distance_.
std::uint64_t FaultPlaces::draw_gap() {
    if (distance_ == 1) {
        return 1;
    }
    constexpr double kFarthest = 1e18;  // more bytes than a connection lives to see
    // 53 bits, and never 0, of which there is no logarithm.
    const double uniform = (static_cast<double>(random_.next() >> 11U) + 1.0) * 0x1p-53;
    const double gap = std::floor(std::log(uniform) / std::log1p(-1.0 / static_cast<double>(distance_)));
    return 1 + static_cast<std::uint64_t>(std::min(gap, kFarthest));
}

bool is_fault_place(const FaultRule& rule, std::uint64_t number) {
    switch (rule.spacing) {
        case FaultSpacing::at:
            return number == rule.distance;
        case FaultSpacing::every:
            return number % rule.distance == 0;
        case FaultSpacing::mean:
            return conc::internal::Random(mix(rule, number)).next() % rule.distance == 0;
    }
    return false;
}

}  // namespace mynah::server
