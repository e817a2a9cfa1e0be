// fault_plan.hpp -- what happens to the bytes of one connection: the same for the same rules, seeds and number.
// What     next() says what to do with the bytes that come next, piece by piece. It knows offsets only, and neither
//          bytes nor time: so a connection's faults do not depend on how its bytes are chunked.
// Order    what is dropped is neither changed nor repeated; what is repeated was changed before. At one offset first
//          comes the end of a span to repeat, then a FIN or RST, and both as soon as the bytes before it have passed;
//          delays and stalls come with the byte that they stand before.
// Threads  one at a time.
// Cost     linear in the rules for each piece.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {

struct FaultAction {
    enum class What {
        pass,    // the next `bytes` of the stream, in the way that the other members say
        repeat,  // send once more what was kept for `rule`
        pause,   // nothing is read or sent for `duration`, or for ever where that is 0
        end,     // the connection ends: by RST where `kind` is that, else by FIN
    };

    What what = What::pass;
    FaultKind kind = FaultKind::corrupt;    // but for pass
    std::size_t rule = 0;                   // repeat: its index
    std::chrono::milliseconds duration{0};  // pause

    std::size_t bytes = 0;
    bool dropped = false;             // they are not sent
    std::uint8_t mask = 0;            // each byte is sent XOR this
    bool one_by_one = false;          // each byte is written on its own
    std::vector<std::size_t> kept{};  // rules for which what is sent is also kept, to be repeated
};

class FaultPlan {
  public:
    /// `number` is the connection's at its listener, counted from 1. The rules outlive the plan.
    FaultPlan(std::span<const FaultRule> rules, std::uint64_t number);

    /// What to do now that `available` bytes more are there; nullopt: nothing before there are more.
    std::optional<FaultAction> next(std::size_t available);

    /// No more bytes come: repeats what was kept of spans that are not complete; nullopt: nothing is left.
    std::optional<FaultAction> finish();

    /// How many bytes have passed.
    std::uint64_t offset() const noexcept { return offset_; }

    /// What was done since the last call. The bytes that a FIN, a RST or a stall took are not known here.
    FaultCounts take_counts();

  private:
    struct Track {
        const FaultRule* rule;
        FaultPlaces places;
        bool begun = false;            // offset_ is in the current span
        std::uint64_t kept_bytes = 0;  // of the current span, to repeat
    };

    std::optional<FaultAction> due(std::size_t available);
    FaultAction stand(Track& track, FaultAction::What what);
    FaultAction pass(std::size_t available);
    FaultAction repeat(std::size_t index);
    void apply(Track& track, std::size_t index, FaultAction& action);
    void count(const FaultAction& action);

    std::vector<Track> tracks_;
    std::uint64_t offset_ = 0;
    FaultCounts counts_;
};

}  // namespace mynah::server
