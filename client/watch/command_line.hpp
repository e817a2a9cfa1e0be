// command_line.hpp -- the flags of mynah watch.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/command_line_values.hpp"
#include "client/watch/options.hpp"
#include "net/address.hpp"

namespace mynah::client::watch {

/// What stands behind each flag, as it was typed.
struct Typed {
    std::optional<std::string> connections;
    std::optional<std::string> rate;
    std::optional<std::string> size;
    std::optional<std::string> duration;
    std::vector<std::string> fail_on;
    std::vector<std::string> ledgers;
    std::optional<std::string> json;
    std::optional<std::string> html;
};

Parsed<Options> read_options(const Typed& typed, net::Address address, std::chrono::nanoseconds timeout);

}  // namespace mynah::client::watch
