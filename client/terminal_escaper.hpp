// terminal_escaper.hpp -- makes bytes from a peer safe to show on a terminal.
//
// What     TerminalEscaper.escape(bytes) keeps printable UTF-8, newline and tab; every byte of anything else becomes
//          \xNN: C0 and C1 controls (hence every escape sequence), DEL, malformed UTF-8, line separators, and the
//          marks that reverse the direction of text. A backslash stays as it is: the text is for people, not for a
//          parser.
// Threads  one at a time.
// Order    a character whose bytes arrive in several pieces appears with its last piece; flush() shows what never
//          ended.
// Cost     linear; at most four times as many bytes as came in, and three bytes of state.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mynah::client {

class TerminalEscaper {
  public:
    std::string escape(std::span<const std::byte> bytes);
    std::string escape(std::string_view text);

    /// What is left of a character that was cut short, escaped; forgets it.
    std::string flush();

  private:
    void take(unsigned char byte, std::string& out);
    void begin(unsigned char byte, std::string& out);
    void finish(std::string& out);
    void spill(std::string& out);

    // Invariant: held_[0, held_count_) is the beginning of a well-formed character of length_ bytes, held_count_ <
    // length_ between calls; lowest_ and highest_ bound its next byte (Unicode 15, table 3-7).
    std::array<unsigned char, 4> held_{};
    std::size_t held_count_ = 0;
    std::size_t length_ = 0;
    unsigned char lowest_ = 0x80;
    unsigned char highest_ = 0xBF;
};

}  // namespace mynah::client
