// fault_places.hpp -- the places at which one rule has its faults, one after the other.
// What     each is a span [begin, end) with a number drawn for it. The same rule, number and origin give the same
//          places on every machine with the same libm. A place that falls into the span before it is passed over.
// Threads  one at a time.
// Cost     one logarithm a place where they are drawn.
#pragma once

#include <cstdint>
#include <limits>

#include "conc/internal/random.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {

struct FaultSpan {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t draw = 0;  // what is random about the fault itself
};

class FaultPlaces {
  public:
    static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

    /// `number` is that of the connection at its listener. `origin` is the first place that there is: 0 among bytes, 1
    /// among datagrams and connections. `length` is that of a span.
    FaultPlaces(const FaultRule& rule, std::uint64_t number, std::uint64_t origin, std::uint64_t length);

    /// The first, until advance() goes on to the next one; it begins at kNever where no more come.
    const FaultSpan& current() const noexcept { return current_; }
    void advance();

  private:
    void enter(std::uint64_t begin);
    std::uint64_t draw_gap();

    FaultSpacing spacing_;
    std::uint64_t distance_;
    std::uint64_t length_;
    conc::internal::Random random_;
    FaultSpan current_;
};

/// The same for places that have a look of their own each, in any order: whether `number`, counted from 1, is one.
[[nodiscard]] bool is_fault_place(const FaultRule& rule, std::uint64_t number);

}  // namespace mynah::server
