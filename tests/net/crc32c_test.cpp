#include "net/crc32c.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::net {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

/// 32 bytes that begin with `first`, each `step` more than the one before.
std::vector<std::byte> counted(unsigned first, int step) {
    std::vector<std::byte> bytes;
    for (int i = 0; i < 32; ++i) {
        bytes.push_back(static_cast<std::byte>(static_cast<int>(first) + i * step));
    }
    return bytes;
}

void expect_both(const std::vector<std::byte>& bytes, std::uint32_t sum) {
    EXPECT_EQ(crc32c(bytes), sum);
    EXPECT_EQ(internal::crc32c_by_table(bytes), sum);
}

// RFC 3720, appendix B.4, which lists the bytes of each checksum in the order in which they are sent: the lowest first.
TEST(Crc32c, GivesTheSumsOfRfc3720) {
    expect_both(counted(0, 0), 0x8A9136AA);
    expect_both(counted(0xFF, 0), 0x62A8AB43);
    expect_both(counted(0, 1), 0x46DD794E);
    expect_both(counted(31, -1), 0x113FDB5C);
    const std::vector<std::uint8_t> read_command{
        0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
        0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    const auto command = std::as_bytes(std::span(read_command));
    expect_both({command.begin(), command.end()}, 0xD9963A56);
}

TEST(Crc32c, GivesTheCheckValueOfTheCatalogue) {
    expect_both(bytes_of("123456789"), 0xE3069283);
    expect_both({}, 0);
}

TEST(Crc32c, GoesOnWhereItStopped) {
    const std::vector<std::byte> all = bytes_of("The quick brown fox jumps over the lazy dog, and again.");
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        const auto first = std::span(all).first(cut);
        const auto rest = std::span(all).subspan(cut);
        EXPECT_EQ(crc32c(rest, crc32c(first)), crc32c(all)) << cut;
        EXPECT_EQ(internal::crc32c_by_table(rest, crc32c(first)), crc32c(all)) << cut;
    }
}

TEST(Crc32c, InstructionAndTableAgreeAtEveryLengthAndPlace) {
    std::vector<std::byte> bytes;
    for (unsigned i = 0; i < 200; ++i) {
        bytes.push_back(static_cast<std::byte>(i * 73 + 11));
    }
    for (std::size_t begin = 0; begin < 9; ++begin) {
        for (std::size_t count = 0; begin + count <= bytes.size(); ++count) {
            const auto part = std::span(bytes).subspan(begin, count);
            EXPECT_EQ(crc32c(part), internal::crc32c_by_table(part)) << begin << " " << count;
        }
    }
}

}  // namespace
}  // namespace mynah::net
