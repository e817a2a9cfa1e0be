#include "client/terminal_escaper.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mynah::client {
namespace {

void append_escaped(unsigned char byte, std::string& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0FU];
}

bool is_plain_ascii(unsigned char byte) {
    return (byte >= 0x20 && byte < 0x7F) || byte == '\n' || byte == '\t';
}

bool between(std::uint32_t value, std::uint32_t first, std::uint32_t last) {
    return value >= first && value <= last;
}

/// Well-formed, and yet able to confuse a terminal or its reader.
bool is_treacherous(std::uint32_t code_point) {
    return between(code_point, 0x80, 0x9F)                                                // C1 controls
           || code_point == 0x061C || code_point == 0x200E || code_point == 0x200F        // direction marks
           || between(code_point, 0x2028, 0x202E) || between(code_point, 0x2066, 0x2069)  // separators, overrides
           || between(code_point, 0xFFF9, 0xFFFB) || code_point == 0xFEFF  // annotations, byte order mark
           || between(code_point, 0xE0000, 0xE007F);                       // invisible tags
}

}  // namespace

std::string TerminalEscaper::escape(std::span<const std::byte> bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (const std::byte byte : bytes) {
        take(std::to_integer<unsigned char>(byte), out);
    }
    return out;
}

std::string TerminalEscaper::escape(std::string_view text) {
    return escape(std::as_bytes(std::span(text)));
}

std::string TerminalEscaper::flush() {
    std::string out;
    spill(out);
    return out;
}

void TerminalEscaper::take(unsigned char byte, std::string& out) {
    if (held_count_ == 0) {
        begin(byte, out);
        return;
    }
    if (byte < lowest_ || byte > highest_) {
        spill(out);
        begin(byte, out);
        return;
    }
    held_[held_count_++] = byte;
    lowest_ = 0x80;
    highest_ = 0xBF;
    if (held_count_ == length_) {
        finish(out);
    }
}

void TerminalEscaper::begin(unsigned char byte, std::string& out) {
    if (is_plain_ascii(byte)) {
        out += static_cast<char>(byte);
        return;
    }
    if (byte < 0xC2 || byte > 0xF4) {  // controls, stray continuations, overlong forms, beyond U+10FFFF
        append_escaped(byte, out);
        return;
    }
    held_[0] = byte;
    held_count_ = 1;
    length_ = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    // E0 and F0 could be overlong, ED a surrogate, F4 beyond U+10FFFF: their second byte is bounded more tightly.
    lowest_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    highest_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
}

void TerminalEscaper::finish(std::string& out) {
    std::uint32_t code_point = held_[0] & (0x7FU >> length_);
    for (std::size_t i = 1; i < length_; ++i) {
        code_point = (code_point << 6U) | (held_[i] & 0x3FU);
    }
    if (is_treacherous(code_point)) {
        spill(out);
        return;
    }
    for (std::size_t i = 0; i < length_; ++i) {
        out += static_cast<char>(held_[i]);
    }
    held_count_ = 0;
}

void TerminalEscaper::spill(std::string& out) {
    for (std::size_t i = 0; i < held_count_; ++i) {
        append_escaped(held_[i], out);
    }
    held_count_ = 0;
}

}  // namespace mynah::client
