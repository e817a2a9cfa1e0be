#include "client/terminal_escaper.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace mynah::client {
namespace {

using namespace std::string_literals;

std::string escaped(std::string_view text) {
    TerminalEscaper escaper;
    std::string out = escaper.escape(text);
    return out + escaper.flush();
}

TEST(TerminalEscaper, KeepsPrintableText) {
    const std::string text = "hello, world\n\ttab ~ \\ \"\u00e4\u00f6\u00fc \u20ac \u65e5\u672c \U0001F426\n";
    EXPECT_EQ(escaped(text), text);
}

TEST(TerminalEscaper, ShowsControlCharacters) {
    EXPECT_EQ(escaped("\0\a\b\r\x1b\x7f"s), "\\x00\\x07\\x08\\x0d\\x1b\\x7f");
}

TEST(TerminalEscaper, DisarmsEscapeSequences) {
    EXPECT_EQ(escaped("\x1b[2J\x1b]0;title\a"), "\\x1b[2J\\x1b]0;title\\x07");
}

TEST(TerminalEscaper, ShowsC1ControlsInBothForms) {
    EXPECT_EQ(escaped("\x9b"s + "2J"), "\\x9b2J");
    EXPECT_EQ(escaped("\xc2\x9b"s + "2J"), "\\xc2\\x9b2J");
    EXPECT_EQ(escaped("\xc2\x80\xc2\x9f\xc2\xa0"), "\\xc2\\x80\\xc2\\x9f\xc2\xa0");
}

TEST(TerminalEscaper, ShowsMalformedUtf8) {
    EXPECT_EQ(escaped("\x80"), "\\x80");                             // stray continuation
    EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf");                    // overlong '/'
    EXPECT_EQ(escaped("\xc1\xbf"), "\\xc1\\xbf");                    // overlong
    EXPECT_EQ(escaped("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf");           // overlong, three bytes
    EXPECT_EQ(escaped("\xf0\x8f\xbf\xbf"), "\\xf0\\x8f\\xbf\\xbf");  // overlong, four bytes
    EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
    EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
    EXPECT_EQ(escaped("\xf5\xff\xfe"), "\\xf5\\xff\\xfe");           // never in UTF-8
    EXPECT_EQ(escaped("\xe2\x82x"), "\\xe2\\x82x");                  // cut short by a letter
    EXPECT_EQ(escaped("\xe2\x82\x1b[m"), "\\xe2\\x82\\x1b[m");       // cut short by an escape
    EXPECT_EQ(escaped("\xe2\xe2\x82\xac"), "\\xe2\xe2\x82\xac");     // cut short by a good one
}

TEST(TerminalEscaper, KeepsTheEdgesOfWellFormedUtf8) {
    for (const char* text :
         {"\xc3\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(escaped(text), text);
    }
}

TEST(TerminalEscaper, ShowsMarksThatReverseTextAndLineSeparators) {
    EXPECT_EQ(escaped("a\u202eb"), "a\\xe2\\x80\\xaeb");
    EXPECT_EQ(escaped("\u2066\u2069\u200e"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9\\xe2\\x80\\x8e");
    EXPECT_EQ(escaped("\u2028"), "\\xe2\\x80\\xa8");
}

TEST(TerminalEscaper, GivesTheSameTextHoweverTheBytesAreSplit) {
    const std::string bytes = "x\u00e4\u20ac\U0001F426\x1b[31m\xe2\x82y\xc2\x9b\xf0\x9f\x90\u202e\xff.";
    const std::string whole = escaped(bytes);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        TerminalEscaper escaper;
        std::string out = escaper.escape(std::string_view(bytes).substr(0, cut));
        out += escaper.escape(std::string_view(bytes).substr(cut));
        out += escaper.flush();
        EXPECT_EQ(out, whole) << "cut at " << cut;
    }
    TerminalEscaper escaper;
    std::string one_by_one;
    for (const char byte : bytes) {
        one_by_one += escaper.escape(std::string_view(&byte, 1));
    }
    EXPECT_EQ(one_by_one + escaper.flush(), whole);
}

TEST(TerminalEscaper, FlushShowsACharacterThatNeverEnded) {
    TerminalEscaper escaper;
    EXPECT_EQ(escaper.escape(std::string_view("a\xe2\x82")), "a");
    EXPECT_EQ(escaper.flush(), "\\xe2\\x82");
    EXPECT_EQ(escaper.flush(), "");
    EXPECT_EQ(escaper.escape(std::string_view("b")), "b");
}

TEST(TerminalEscaper, LetsNoByteThroughThatATerminalWouldObey) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const std::array<char, 2> pair{static_cast<char>(first), static_cast<char>(second)};
            for (const char shown : escaped(std::string_view(pair.data(), pair.size()))) {
                const auto byte = static_cast<unsigned char>(shown);
                ASSERT_TRUE(byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f)) << first << " " << second;
            }
        }
    }
}

}  // namespace
}  // namespace mynah::client
