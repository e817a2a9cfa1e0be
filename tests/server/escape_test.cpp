#include "server/escape.hpp"

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace mynah::server {
namespace {

TEST(Escape, PrintableAsciiStays) {
    std::string printable;
    for (char character = ' '; character <= '~'; ++character) {
        if (character != '\\') {
            printable += character;
        }
    }
    EXPECT_EQ(escape(printable), printable);
}

TEST(Escape, BackslashIsDoubledSoThatNothingCanPoseAsAnEscape) {
    EXPECT_EQ(escape("\\x41\\"), "\\\\x41\\\\");
}

TEST(Escape, NewlineReturnAndTabHaveTheirLetters) {
    EXPECT_EQ(escape("a\nb\rc\td"), "a\\nb\\rc\\td");
}

TEST(Escape, OtherBytesAreHexadecimal) {
    EXPECT_EQ(escape(std::string_view("\0\x1b[2J\x7f\xc3\xbc\xff", 9)), "\\x00\\x1b[2J\\x7f\\xc3\\xbc\\xff");
}

TEST(Escape, EveryByteGivesPrintableAscii) {
    for (int byte = 0; byte < 256; ++byte) {
        for (const char character : escape(std::string(1, static_cast<char>(byte)))) {
            EXPECT_TRUE(character >= ' ' && character <= '~') << byte;
        }
    }
}

TEST(Escape, WhatJustFitsHasNoEllipsis) {
    EXPECT_EQ(escape("12345678", 8), "12345678");
    EXPECT_EQ(escape("1234\n6", 7), "1234\\n6");
    EXPECT_EQ(escape("", 0), "");
}

TEST(Escape, WhatDoesNotFitEndsInAnEllipsis) {
    EXPECT_EQ(escape("123456789", 8), "12345...");
    EXPECT_EQ(escape(std::string(1'000'000, 'x')), std::string(kEscapeLimitCharacters - 3, 'x') + "...");
}

TEST(Escape, AnEscapeIsNeverCutInTwo) {
    for (std::size_t limit = 3; limit < 16; ++limit) {
        const std::string escaped = escape("ab\xff\xfe\xfd\xfc", limit);
        EXPECT_LE(escaped.size(), limit);
        const std::string kept = escaped.substr(0, escaped.size() - 3);
        EXPECT_TRUE(std::string("ab\\xff\\xfe\\xfd\\xfc").starts_with(kept)) << escaped;
        EXPECT_TRUE(kept.size() <= 2 || (kept.size() - 2) % 4 == 0) << escaped;
        EXPECT_TRUE(escaped.ends_with("...")) << escaped;
    }
}

TEST(Escape, ALimitBelowTheEllipsisGivesTheDotsThatFit) {
    EXPECT_EQ(escape("abcdef", 2), "..");
    EXPECT_EQ(escape("abcdef", 0), "");
}

}  // namespace
}  // namespace mynah::server
