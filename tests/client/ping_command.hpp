// ping_command.hpp -- `mynah ping` as a command for the servers of peer.hpp and datagram_peer.hpp.
#pragma once

#include <utility>

#include "client/command_line.hpp"
#include "client/console.hpp"
#include "client/ping.hpp"
#include "conc/context.hpp"
#include "net/address.hpp"
#include "tests/client/peer.hpp"

namespace mynah::client::testing_support {

/// With `options`, but for the address, which is the server's.
inline CommandUnderTest ping(PingOptions options) {
    return [options = std::move(options)](net::Address address, Console* console) {
        PingOptions with_address = options;
        with_address.address = std::move(address);
        return run_ping(std::move(with_address), console, conc::Context::background());
    };
}

}  // namespace mynah::client::testing_support
