#include "server/escape.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace mynah::server {
namespace {

constexpr std::string_view kEllipsis = "...";

void append_escaped(std::string& out, unsigned char byte) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    switch (byte) {
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\\':
            out += "\\\\";
            return;
        default:
            break;
    }
    if (byte >= 0x20 && byte < 0x7f) {
        out += static_cast<char>(byte);
        return;
    }
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0fU];
}

}  // namespace

std::string escape(std::string_view bytes, std::size_t limit) {
    std::string out;
    // Where to cut back to, should the ellipsis be needed: the last whole escape that leaves room for it.
    std::size_t cut = 0;
    for (const char byte : bytes) {
        append_escaped(out, static_cast<unsigned char>(byte));
        if (out.size() > limit) {
            out.resize(cut);
            out += kEllipsis.substr(0, limit - cut);
            return out;
        }
        if (out.size() + kEllipsis.size() <= limit) {
            cut = out.size();
        }
    }
    return out;
}

}  // namespace mynah::server
