#include "net/probe_stream.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "net/probe_frame.hpp"

namespace mynah::net {
namespace {

constexpr ProbeStream kStream{.run = 0x1122334455667788, .connection = 7};

std::vector<std::byte> beginning(ProbeFrame frame) {
    frame.run = kStream.run;
    frame.connection = kStream.connection;
    std::vector<std::byte> bytes;
    append_probe(frame, bytes);
    return bytes;
}

TEST(ProbeStream, IsKnownByItsFirstFrameWhateverFollows) {
    std::vector<std::byte> bytes = beginning({.payload_bytes = 192});
    EXPECT_EQ(recognise_probe_stream(bytes), kStream);
    bytes.resize(5000);
    EXPECT_EQ(recognise_probe_stream(bytes), kStream);
    EXPECT_EQ(recognise_probe_stream(beginning({.again = true})), kStream) << "a frame without a payload";
}

TEST(ProbeStream, IsKnownByTheBeginningOfALargeFrame) {
    const std::vector<std::byte> bytes = beginning({.payload_bytes = 60'000});
    EXPECT_EQ(recognise_probe_stream(std::span(bytes).first(4096)), kStream);
    EXPECT_EQ(recognise_probe_stream(std::span(bytes).first(72)), kStream);
    for (std::size_t length = 0; length < 72; ++length) {
        EXPECT_EQ(recognise_probe_stream(std::span(bytes).first(length)), std::nullopt) << length;
    }
}

TEST(ProbeStream, OneByteThatIsAnotherIsNone) {
    const std::vector<std::byte> good = beginning({.payload_bytes = 20});
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::vector<std::byte> bytes = good;
        bytes[i] ^= std::byte{0x10};
        // A length that is too large makes it the beginning of a large frame, of the same stream.
        const bool is_larger = i == 57 || i == 58;
        EXPECT_EQ(recognise_probe_stream(bytes), is_larger ? std::optional(kStream) : std::nullopt) << i;
    }
    std::vector<std::byte> large = beginning({.payload_bytes = 60'000});
    large[8] ^= std::byte{1};  // another run, to which the payload does not belong
    EXPECT_EQ(recognise_probe_stream(std::span(large).first(4096)), std::nullopt);
}

TEST(ProbeStream, BeginsWithTheFirstFrame) {
    EXPECT_EQ(recognise_probe_stream(beginning({.sequence = 1, .payload_bytes = 20})), std::nullopt);
    EXPECT_EQ(recognise_probe_stream(beginning({.offset = 84, .payload_bytes = 20})), std::nullopt);
    std::vector<std::byte> later{std::byte{0}};
    append_probe({.run = 1, .connection = 2}, later);
    EXPECT_EQ(recognise_probe_stream(later), std::nullopt);
}

}  // namespace
}  // namespace mynah::net
