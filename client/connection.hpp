// connection.hpp -- what every command does to get a connection, and says when it gets none.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <system_error>

#include "client/console.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/stream.hpp"

namespace mynah::client {

/// Connects, or complains and yields nothing.
conc::Task<std::optional<net::Stream>> connect_or_complain(net::Address address, std::chrono::nanoseconds timeout,
                                                           Console* console);

/// "timed out after 5s", or the system's words.
std::string describe_connect_error(std::error_code error, std::chrono::nanoseconds timeout);

}  // namespace mynah::client
