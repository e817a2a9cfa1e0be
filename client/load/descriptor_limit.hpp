// descriptor_limit.hpp -- room for as many connections as were asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace mynah::client::load {

/// Raises the process's soft limit where need be; one line that says what is wrong where the hard limit is too low.
std::optional<std::string> provide_descriptors(std::size_t connections);

}  // namespace mynah::client::load
