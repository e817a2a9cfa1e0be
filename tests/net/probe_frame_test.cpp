#include "net/probe_frame.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "net/crc32c.hpp"

namespace mynah::net {
namespace {

constexpr ProbeFrame kFrame{.run = 0x1122334455667788,
                            .connection = 0x99AABBCCDDEEFF00,
                            .sequence = 7,
                            .offset = 1337,
                            .planned = std::chrono::nanoseconds(1'800'000'000'000'000'001),
                            .sent = std::chrono::nanoseconds(1'800'000'000'000'000'002),
                            .payload_bytes = 100,
                            .again = true};

std::vector<std::byte> written(const ProbeFrame& frame) {
    std::vector<std::byte> bytes;
    append_probe(frame, bytes);
    return bytes;
}

TEST(ProbeFrame, IsReadAsItWasWritten) {
    std::vector<std::byte> bytes = written(kFrame);
    ASSERT_EQ(bytes.size(), 164U);
    const auto frame = read_probe(bytes);
    ASSERT_TRUE(frame.has_value()) << to_string(frame.error());
    EXPECT_EQ(*frame, kFrame);
    bytes.push_back(std::byte{1});
    EXPECT_EQ(read_probe(bytes), kFrame) << "what is behind it does not matter";
}

TEST(ProbeFrame, IsPutBehindWhatIsThere) {
    std::vector<std::byte> bytes(3, std::byte{9});
    append_probe(kFrame, bytes);
    EXPECT_EQ(bytes[2], std::byte{9});
    EXPECT_EQ(read_probe(std::span(bytes).subspan(3)), kFrame);
}

TEST(ProbeFrame, HasTheLayoutThatIsDocumented) {
    const std::vector<std::byte> bytes = written({.run = 0x0807060504030201,
                                                  .connection = 0x1817161514131211,
                                                  .sequence = 0x2827262524232221,
                                                  .offset = 0x3837363534333231,
                                                  .planned = std::chrono::nanoseconds(0x4847464544434241),
                                                  .sent = std::chrono::nanoseconds(0x5857565554535251),
                                                  .payload_bytes = 3,
                                                  .again = true});
    const std::uint8_t header[] = {'M',  'Y',  'N',  'P',  1,    1,    64,   0,  // magic, version, flags, header bytes
                                   0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,  // run
                                   0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,  // connection
                                   0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,  // sequence
                                   0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,  // offset
                                   0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,  // planned
                                   0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,  // sent
                                   3,    0,    0,    0};                            // payload bytes
    ASSERT_EQ(bytes.size(), kProbeHeaderBytes + 3);
    EXPECT_EQ(std::memcmp(bytes.data(), header, sizeof header), 0);
    const std::uint32_t sum =
        crc32c(std::span(bytes).subspan(kProbeHeaderBytes), crc32c(std::span(bytes).first(kProbeHeaderBytes - 4)));
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(std::to_integer<std::uint32_t>(bytes[60 + i]), sum >> (8 * i) & 0xFFU);
    }
}

TEST(ProbeFrame, KnowsOfEveryByteThatWasChanged) {
    const std::vector<std::byte> whole = written(kFrame);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::vector<std::byte> bytes = whole;
        bytes[i] ^= std::byte{0x40};
        EXPECT_FALSE(read_probe(bytes).has_value()) << i;
    }
}

TEST(ProbeFrame, SaysWhatIsWrong) {
    const std::vector<std::byte> whole = written(kFrame);
    const auto error_with = [&whole](std::size_t at, unsigned value) {
        std::vector<std::byte> bytes = whole;
        bytes[at] = static_cast<std::byte>(value);
        return read_probe(bytes).error();
    };
    EXPECT_EQ(error_with(0, 'm'), ProbeError::no_magic);
    EXPECT_EQ(error_with(4, 2), ProbeError::unknown_version);
    EXPECT_EQ(error_with(6, 65), ProbeError::unknown_version);
    EXPECT_EQ(error_with(59, 1), ProbeError::impossible_length);
    EXPECT_EQ(error_with(57, 1), ProbeError::incomplete) << "a longer payload than there is";
    EXPECT_EQ(error_with(56, 99), ProbeError::wrong_checksum);
    EXPECT_EQ(error_with(163, 0), ProbeError::wrong_checksum);
}

TEST(ProbeFrame, ABeginningIsIncompleteAndNotWrong) {
    const std::vector<std::byte> whole = written(kFrame);
    for (std::size_t count = 0; count < whole.size(); ++count) {
        EXPECT_EQ(read_probe(std::span(whole).first(count)).error(), ProbeError::incomplete) << count;
    }
    EXPECT_EQ(read_probe(std::span(whole).subspan(1)).error(), ProbeError::no_magic);
}

TEST(ProbeFrame, ItsHeaderCanBeReadWithoutTheRest) {
    std::vector<std::byte> bytes = written(kFrame);
    bytes.resize(kProbeHeaderBytes);
    bytes[60] ^= std::byte{1};
    EXPECT_EQ(read_probe_header(bytes), kFrame);
}

TEST(ProbeFrame, MayHaveNoPayload) {
    const std::vector<std::byte> bytes = written({.run = 1, .connection = 2});
    EXPECT_EQ(bytes.size(), kProbeHeaderBytes);
    EXPECT_EQ(read_probe(bytes), (ProbeFrame{.run = 1, .connection = 2}));
}

TEST(ProbeFrame, TooLongAPayloadIsRefused) {
    std::vector<std::byte> bytes;
    EXPECT_THROW(append_probe({.payload_bytes = kLargestProbePayload + 1}, bytes), std::length_error);
    EXPECT_TRUE(bytes.empty());
}

TEST(ProbePayload, FollowsFromConnectionAndOffset) {
    std::vector<std::byte> whole(1000);
    probe_payload(1, 2, 500, whole);
    for (const std::size_t begin : {0U, 1U, 7U, 8U, 333U}) {
        for (const std::size_t count : {1U, 2U, 8U, 9U, 400U}) {
            std::vector<std::byte> part(count);
            probe_payload(1, 2, 500 + begin, part);
            EXPECT_EQ(std::memcmp(part.data(), whole.data() + begin, count), 0) << begin << " " << count;
        }
    }
    const std::vector<std::byte> frame = written(kFrame);
    std::vector<std::byte> payload(kFrame.payload_bytes);
    probe_payload(kFrame.run, kFrame.connection, kFrame.offset + kProbeHeaderBytes, payload);
    EXPECT_EQ(std::memcmp(frame.data() + kProbeHeaderBytes, payload.data(), payload.size()), 0);
}

TEST(ProbePayload, DiffersBetweenConnectionsRunsAndOffsets) {
    const auto of = [](std::uint64_t run, std::uint64_t connection, std::uint64_t offset) {
        std::vector<std::byte> bytes(16);
        probe_payload(run, connection, offset, bytes);
        return bytes;
    };
    EXPECT_NE(of(1, 1, 0), of(1, 2, 0));
    EXPECT_NE(of(1, 1, 0), of(2, 1, 0));
    EXPECT_NE(of(1, 2, 0), of(2, 1, 0));
    EXPECT_NE(of(1, 1, 0), of(1, 1, 16));
}

}  // namespace
}  // namespace mynah::net
