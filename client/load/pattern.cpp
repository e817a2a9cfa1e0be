#include "client/load/pattern.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/split_mix.hpp"

namespace mynah::client::load {
namespace {

constexpr std::size_t kFewestBytesToFind = 8;

}  // namespace

Pattern::Pattern() {
    bytes_.reserve(kPeriod + kLargestWindow);
    for (std::size_t i = 0; i < kPeriod; ++i) {
        auto byte = static_cast<std::byte>(net::split_mix(i));
        // Three are enough to differ from two neighbours: the first is the neighbour of the last.
        while (i > 0 && (byte == bytes_.back() || (i + 1 == kPeriod && byte == bytes_.front()))) {
            byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
        }
        bytes_.push_back(byte);
    }
    for (std::size_t i = 0; i < kLargestWindow; ++i) {
        bytes_.push_back(bytes_[i]);
    }
}

std::size_t Pattern::start_of(std::uint64_t connection) noexcept {
    constexpr std::uint64_t kStride = 25'013;  // neighbours are far from each other
    return static_cast<std::size_t>(connection % kPeriod * kStride % kPeriod);
}

std::optional<std::size_t> Pattern::find(std::span<const std::byte> bytes) const {
    if (bytes.size() < kFewestBytesToFind || bytes.size() > kLargestWindow) {
        return std::nullopt;
    }
    const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(kPeriod + bytes.size() - 1);
    const auto found = std::search(bytes_.begin(), end, bytes.begin(), bytes.end());
    if (found == end) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - bytes_.begin());
}

}  // namespace mynah::client::load
