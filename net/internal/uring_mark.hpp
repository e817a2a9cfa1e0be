// uring_mark.hpp -- what a request to io_uring bears, and its completion with it.
#pragma once

#include <bit>
#include <cstdint>

#include "net/operation.hpp"

namespace mynah::net::internal {

/// A send bears the address of its operation, which does not go before its completion has come. The others bear where
/// they belong: the descriptor and the serial of the request, since the number may be another file's by then.
struct UringMark {
    enum class Tag : std::uint8_t { send, receive, accept, poll_read, poll_write, cancel, wake };

    static constexpr unsigned kTagBits = 3;
    static constexpr unsigned kGroupBits = 4;
    static constexpr unsigned kSerialBits = 32;
    static constexpr int kHighestDescriptor = (1 << (64 - kTagBits - kGroupBits - kSerialBits)) - 1;

    Tag tag = Tag::cancel;
    std::uint8_t group = 0;  // of the buffers that a receive picks from
    int fd = 0;
    std::uint32_t serial = 0;

    std::uint64_t pack() const noexcept {
        return static_cast<std::uint64_t>(tag) | (std::uint64_t{group} << kTagBits) |
               (static_cast<std::uint64_t>(fd) << (kTagBits + kGroupBits)) | (std::uint64_t{serial} << kSerialBits);
    }

    static Tag tag_of(std::uint64_t packed) noexcept { return static_cast<Tag>(packed & ((1U << kTagBits) - 1)); }

    static UringMark unpack(std::uint64_t packed) noexcept {
        const auto low = static_cast<std::uint32_t>(packed);
        return {.tag = tag_of(packed),
                .group = static_cast<std::uint8_t>((low >> kTagBits) & ((1U << kGroupBits) - 1)),
                .fd = static_cast<int>(low >> (kTagBits + kGroupBits)),
                .serial = static_cast<std::uint32_t>(packed >> kSerialBits)};
    }

    static std::uint64_t pack(Operation& send) noexcept {
        static_assert(alignof(Operation) >= (1U << kTagBits), "the tag of a send is 0");
        return std::bit_cast<std::uint64_t>(&send);
    }
    static Operation& unpack_send(std::uint64_t packed) noexcept { return *std::bit_cast<Operation*>(packed); }
};

}  // namespace mynah::net::internal
