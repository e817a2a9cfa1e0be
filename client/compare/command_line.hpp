// command_line.hpp -- what stands behind the flags of `mynah compare`.
#pragma once

#include <optional>
#include <string>

#include "client/command_line_values.hpp"
#include "client/compare/options.hpp"

namespace mynah::client::compare {

/// As the user typed it; nullopt: not given.
struct Typed {
    std::string before;
    std::string after;
    std::optional<std::string> threshold;
    std::optional<std::string> json;
};

Parsed<Options> read_options(const Typed& typed);

}  // namespace mynah::client::compare
