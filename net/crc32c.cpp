#include "net/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mynah::net {
namespace {

constexpr std::uint32_t kReflectedPolynomial = 0x82F63B78;

/// The remainders of all single bytes.
constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
        std::uint32_t remainder = byte;
        for (int bit = 0; bit < 8; ++bit) {
            remainder = (remainder >> 1U) ^ ((remainder & 1U) != 0 ? kReflectedPolynomial : 0);
        }
        table[byte] = remainder;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#ifdef __x86_64__
// The instruction of SSE4.2 divides by this very polynomial.
[[gnu::target("sse4.2")]] std::uint32_t crc32c_by_instruction(std::span<const std::byte> bytes,
                                                              std::uint32_t before) noexcept {
    std::uint64_t remainder = ~before;
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        remainder = __builtin_ia32_crc32di(remainder, word);
        bytes = bytes.subspan(sizeof word);
    }
    auto rest = static_cast<std::uint32_t>(remainder);
    for (const std::byte byte : bytes) {
        rest = __builtin_ia32_crc32qi(rest, std::to_integer<std::uint8_t>(byte));
    }
    return ~rest;
}
#endif

}  // namespace

std::uint32_t internal::crc32c_by_table(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
    std::uint32_t remainder = ~before;
    for (const std::byte byte : bytes) {
        remainder = (remainder >> 8U) ^ kTable[(remainder ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
    }
    return ~remainder;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2") != 0) {
        return crc32c_by_instruction(bytes, before);
    }
#endif
    return internal::crc32c_by_table(bytes, before);
}

}  // namespace mynah::net
