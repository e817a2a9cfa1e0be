// counted.hpp -- numbers of bytes in sentences.
#pragma once

#include <cstdint>
#include <string>

namespace mynah::client {

/// "1 byte", "2 bytes".
std::string count_bytes(std::uint64_t count);

/// "512 B", "1.5 KiB", "64.0 MiB".
std::string short_size(double bytes);

}  // namespace mynah::client
