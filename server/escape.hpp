// escape.hpp -- bytes made safe to print.
// What     escape(bytes): printable ASCII stays; a backslash is doubled; newline, return and tab are \n, \r, \t; any
//          other byte is \xNN in lower case.
// Threads  any.
// Errors   none: every sequence of bytes has a rendering.
// Bounds   the result never has more than `limit` characters; what does not fit is replaced by a closing "...", and
//          an escape is never cut in two.
// Cost     linear in the result, not in the input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mynah::server {

inline constexpr std::size_t kEscapeLimitCharacters = 256;

/// A limit under three characters has no room for the ellipsis: the dots that fit are returned.
[[nodiscard]] std::string escape(std::string_view bytes, std::size_t limit = kEscapeLimitCharacters);

}  // namespace mynah::server
