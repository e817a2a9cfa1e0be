// configuration_file.hpp -- the layer of settings that comes from a TOML file.
// What     read_configuration_file(path) gives the file's settings in the order of their lines, values not yet read:
//          apply_layer does that. Unknown keys, wrong types and what is not TOML are found here.
// Threads  any; blocks on the file, which may be a pipe.
// Errors   a value, on one line: "PATH: why", or "PATH:LINE:COLUMN: KEY: why".
// Bounds   a file of more than kMostFileBytes is refused.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "server/configuration_keys.hpp"

namespace mynah::server {

inline constexpr std::size_t kMostFileBytes = std::size_t{1} << 20U;

[[nodiscard]] std::expected<std::vector<Setting>, std::string> read_configuration_file(const std::string& path);

/// The same for text already read; `path` is what mistakes are said to be in.
[[nodiscard]] std::expected<std::vector<Setting>, std::string> parse_configuration(std::string_view text,
                                                                                   const std::string& path);

}  // namespace mynah::server
