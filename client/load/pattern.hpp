// pattern.hpp -- the bytes that a load sends: each follows from its connection and its offset.
//
// What     a ring of kPeriod bytes that no connection ever leaves: connection c begins at start_of(c), and goes round.
//          window() is any stretch of it as one piece of memory, so that sending copies nothing and checking is one
//          memcmp. Neighbours always differ: a byte that is lost or comes twice shows at once where it happens.
// Threads  any: constant once made.
// Cost     192 KiB, of which a load of small messages touches 64 KiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mynah::client::load {

class Pattern {
  public:
    // A prime: no buffer has a size of which it is a divisor, so whoever loses or repeats a buffer cannot hide it.
    static constexpr std::size_t kPeriod = 65'521;
    static constexpr std::size_t kLargestWindow = std::size_t{128} * 1024;

    Pattern();

    /// `position` < kPeriod, `bytes` <= kLargestWindow.
    std::span<const std::byte> window(std::size_t position, std::size_t bytes) const noexcept {
        return {bytes_.data() + position, bytes};
    }

    /// Where a connection begins; another place for each of the first kPeriod connections.
    static std::size_t start_of(std::uint64_t connection) noexcept;

    static std::size_t advance(std::size_t position, std::size_t bytes) noexcept {
        position += bytes;
        while (position >= kPeriod) {
            position -= kPeriod;
        }
        return position;
    }

    /// Where these bytes stand; nothing where they do not, or are too few to tell.
    std::optional<std::size_t> find(std::span<const std::byte> bytes) const;

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace mynah::client::load
