#include "client/echo_comparison.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

Chunk chunk_of(std::string_view text) {
    const auto bytes = bytes_of(text);
    return {.bytes = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()), .handed_over = {}};
}

TEST(EchoComparison, AcceptsTheSameBytesInOtherPieces) {
    EchoComparison comparison;
    EXPECT_TRUE(comparison.exhausted());
    comparison.expect(chunk_of("hello"));
    EXPECT_EQ(comparison.awaited_bytes(), 5U);
    EXPECT_EQ(comparison.compare(bytes_of("he")), 2U);
    EXPECT_EQ(comparison.awaited_bytes(), 3U);
    EXPECT_EQ(comparison.compare(bytes_of("llo, w")), 3U);
    EXPECT_TRUE(comparison.exhausted());
    comparison.expect(chunk_of(", world"));
    EXPECT_EQ(comparison.compare(bytes_of(", world")), 7U);
    EXPECT_TRUE(comparison.exhausted());
    EXPECT_EQ(comparison.compared_bytes(), 12U);
    EXPECT_EQ(comparison.differing_bytes(), 0U);
    EXPECT_FALSE(comparison.first_difference());
}

TEST(EchoComparison, CountsDifferencesAndKeepsTheFirst) {
    EchoComparison comparison;
    comparison.expect(chunk_of("abcdef"));
    EXPECT_EQ(comparison.compare(bytes_of("abc")), 3U);
    EXPECT_EQ(comparison.compare(bytes_of("dXY")), 3U);
    comparison.expect(chunk_of("ghi"));
    EXPECT_EQ(comparison.compare(bytes_of("gZi")), 3U);
    EXPECT_EQ(comparison.differing_bytes(), 3U);
    ASSERT_TRUE(comparison.first_difference());
    EXPECT_EQ(comparison.first_difference()->offset, 4U);
    EXPECT_EQ(comparison.first_difference()->sent, std::byte{'e'});
    EXPECT_EQ(comparison.first_difference()->returned, std::byte{'X'});
}

TEST(EchoComparison, ComparesNothingWhereNothingIsExpected) {
    EchoComparison comparison;
    EXPECT_EQ(comparison.compare(bytes_of("surplus")), 0U);
    EXPECT_EQ(comparison.compared_bytes(), 0U);
    comparison.expect(chunk_of(""));
    EXPECT_TRUE(comparison.exhausted());
}

}  // namespace
}  // namespace mynah::client
