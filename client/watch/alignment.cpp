#include "client/watch/alignment.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <string.h>

namespace mynah::client::watch {
namespace {

constexpr std::size_t kSeedBytes = 8;
// More than a header of a probe frame has in common with the next one's.
constexpr std::size_t kAnchorBytes = 48;
constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

std::uint64_t seed_at(std::span<const std::byte> bytes, std::size_t at) {
    std::uint64_t seed = 0;
    std::memcpy(&seed, bytes.data() + at, sizeof seed);
    return seed;
}

/// A distance from a place in `received` to one in `expected`. As long as it stays the same, bytes follow each other.
using Shift = std::int64_t;

class Places {
  public:
    void add(Shift shift) {
        if (shifts_.size() < kMostPlaces && std::ranges::find(shifts_, shift) == shifts_.end()) {
            shifts_.push_back(shift);
        }
    }

    /// Those where 8 bytes of `received` stand that occur once in `expected`, the most frequent first.
    void add_from_seeds(std::span<const std::byte> received, std::span<const std::byte> expected) {
        struct Found {
            std::uint32_t count = 0;
            std::size_t at = 0;
        };
        std::unordered_map<std::uint64_t, Found> seeds;
        for (std::size_t i = 0; i + kSeedBytes <= received.size(); ++i) {
            seeds.try_emplace(seed_at(received, i));
        }
        for (std::size_t i = 0; i + kSeedBytes <= expected.size(); ++i) {
            if (const auto found = seeds.find(seed_at(expected, i)); found != seeds.end()) {
                ++found->second.count;
                found->second.at = i;
            }
        }
        std::unordered_map<Shift, std::size_t> votes;
        for (std::size_t i = 0; i + kSeedBytes <= received.size(); ++i) {
            const Found& found = seeds.at(seed_at(received, i));
            if (found.count == 1) {
                ++votes[static_cast<Shift>(found.at) - static_cast<Shift>(i)];
            }
        }
        std::vector<std::pair<Shift, std::size_t>> ranked(votes.begin(), votes.end());
        std::ranges::sort(ranked, [](const auto& one, const auto& other) {
            return one.second != other.second ? one.second > other.second : one.first < other.first;
        });
        for (const auto& [shift, count] : ranked) {
            add(shift);
        }
    }

    const std::vector<Shift>& shifts() const { return shifts_; }

  private:
    std::vector<Shift> shifts_;
};

// So many bytes in a row are not right by chance; a few among thousands are.
constexpr std::size_t kInStep = 4;

bool matches(std::span<const std::byte> received, std::span<const std::byte> expected, std::size_t index, Shift shift) {
    const Shift at = static_cast<Shift>(index) + shift;
    return at >= 0 && at < static_cast<Shift>(expected.size()) &&
           received[index] == expected[static_cast<std::size_t>(at)];
}

/// For each byte a bit for each place: it is right there, and so are kInStep in a row.
std::vector<std::uint64_t> find_steps(std::span<const std::byte> received, std::span<const std::byte> expected,
                                      const std::vector<Shift>& shifts) {
    std::vector<std::uint64_t> in_step(received.size());
    for (std::size_t place = 0; place < shifts.size(); ++place) {
        std::size_t run = 0;
        for (std::size_t i = 0; i < received.size(); ++i) {
            run = matches(received, expected, i, shifts[place]) ? run + 1 : 0;
            for (std::size_t back = 0; run >= kInStep && back < (run == kInStep ? kInStep : 1); ++back) {
                in_step[i - back] |= std::uint64_t{1} << place;
            }
        }
    }
    return in_step;
}

/// The cheapest way through all bytes, by dynamic programming: for each byte and place the least cost to get there.
class Way {
  public:
    Way(std::span<const std::byte> received, std::span<const std::byte> expected, const std::vector<Shift>& shifts)
        : shifts_(shifts), steps_(received.size()) {
        const std::vector<std::uint64_t> in_step = find_steps(received, expected, shifts);
        std::array<std::uint32_t, kMostPlaces> costs{};
        std::uint32_t least = 0;
        std::uint8_t cheapest = 0;
        for (std::size_t i = 0; i < received.size(); ++i) {
            Step& step = steps_[i];
            step.came_from = cheapest;
            const std::uint32_t jumped = least + kJump;
            least = kNowhere;
            for (std::size_t place = 0; place < shifts.size(); ++place) {
                // Place 0 is where the first byte should belong.
                const bool stays = i == 0 ? place == 0 : costs[place] <= jumped;
                const std::uint32_t before = stays ? costs[place] : jumped;
                step.stayed |= std::uint64_t{stays ? 1U : 0U} << place;
                costs[place] = before + ((in_step[i] >> place & 1U) != 0 ? 0U : 1U);
                if (costs[place] < least) {
                    least = costs[place];
                    cheapest = static_cast<std::uint8_t>(place);
                }
            }
        }
        last_ = cheapest;
    }

    std::vector<Piece> pieces() const {
        std::vector<Piece> found;
        std::size_t place = last_;
        std::size_t end = steps_.size();
        for (std::size_t i = steps_.size(); i-- > 0;) {
            const bool stayed = (steps_[i].stayed >> place & 1U) != 0;
            if (!stayed || i == 0) {
                found.push_back({.begin = i, .end = end, .position = static_cast<Shift>(i) + shifts_[place]});
                end = i;
                place = steps_[i].came_from;
            }
        }
        std::ranges::reverse(found);
        return found;
    }

  private:
    /// How each place was reached with this byte: a bit says that it was the place of the byte before as well.
    struct Step {
        std::uint64_t stayed = 0;
        std::uint8_t came_from = 0;  // where a jump begins
    };

    const std::vector<Shift>& shifts_;
    std::vector<Step> steps_;
    std::size_t last_ = 0;
};
static_assert(kMostPlaces <= 64, "a bit for each place");

}  // namespace

std::vector<Piece> align(std::span<const std::byte> received, std::span<const std::byte> expected, std::size_t start,
                         bool is_end) {
    if (received.empty()) {
        return {};
    }
    Places places;
    places.add(static_cast<Shift>(start));
    if (is_end) {
        places.add(static_cast<Shift>(expected.size()) - static_cast<Shift>(received.size()));
    }
    places.add_from_seeds(received, expected);
    return Way(received, expected, places.shifts()).pieces();
}

bool is_anchored(std::span<const std::byte> received, std::span<const std::byte> expected, std::size_t start) {
    if (received.size() < kAnchorBytes || expected.size() < kAnchorBytes) {
        return false;
    }
    const auto end = received.last(kAnchorBytes);
    const std::size_t in_step = start + received.size() - kAnchorBytes;
    if (in_step + kAnchorBytes <= expected.size() &&
        std::memcmp(expected.data() + in_step, end.data(), kAnchorBytes) == 0) {
        return true;
    }
    const void* found = ::memmem(expected.data(), expected.size(), end.data(), end.size());
    if (found == nullptr) {
        return false;
    }
    const auto behind = static_cast<std::size_t>(static_cast<const std::byte*>(found) - expected.data()) + 1;
    const auto rest = expected.subspan(behind);
    return ::memmem(rest.data(), rest.size(), end.data(), end.size()) == nullptr;
}

}  // namespace mynah::client::watch
