// counted.hpp -- numbers in sentences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mynah::client {

/// "1 byte", "2 bytes".
std::string count_bytes(std::uint64_t count);

/// "1 message", "2 messages".
std::string count_of(std::uint64_t count, std::string_view thing);

/// "1,234,567".
std::string grouped(std::uint64_t count);

/// "512 B", "1.5 KiB", "64.0 MiB".
std::string short_size(double bytes);

}  // namespace mynah::client
