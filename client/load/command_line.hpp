// command_line.hpp -- the flags of mynah load.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "client/command_line_values.hpp"
#include "client/load/options.hpp"
#include "net/address.hpp"

namespace mynah::client::load {

/// What stands behind each flag, as it was typed.
struct Typed {
    std::optional<std::string> connections;
    std::optional<std::string> duration;
    std::optional<std::string> count;
    std::optional<std::string> size;
    std::optional<std::string> depth;
    std::optional<std::string> rate;
    std::optional<std::string> warm_up;
    std::optional<std::string> driver;
    std::optional<std::string> json;
    std::optional<std::string> html;
};

Parsed<Options> read_options(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout);

}  // namespace mynah::client::load
