// connection.hpp -- what every command does to get a connection, and says when it gets none.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <system_error>

#include "client/console.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client {

/// Connects, or complains and yields nothing.
conc::Task<std::optional<net::Stream>> connect_or_complain(net::Address address, std::chrono::nanoseconds timeout,
                                                           Console* console);

/// Connects; operation_canceled as soon as `ctx` is cancelled. The attempt itself may then go on in a task of its own
/// for what is left of `timeout`.
conc::Task<net::Result<net::Stream>> connect_unless_cancelled(net::Address address, std::chrono::nanoseconds timeout,
                                                              conc::Context ctx);

/// A UDP socket that is connected to the first address of a name to which there is a way; nobody knows whether anyone
/// listens there. `timeout` is for looking the name up.
conc::Task<net::Result<net::DatagramSocket>> open_datagrams(net::Address address, std::chrono::nanoseconds timeout);

/// The same, or complains and yields nothing.
conc::Task<std::optional<net::DatagramSocket>> open_datagrams_or_complain(net::Address address,
                                                                          std::chrono::nanoseconds timeout,
                                                                          Console* console);

/// As connect_unless_cancelled.
conc::Task<net::Result<net::DatagramSocket>> open_datagrams_unless_cancelled(net::Address address,
                                                                             std::chrono::nanoseconds timeout,
                                                                             conc::Context ctx);

/// "timed out after 5s", or the system's words.
std::string describe_connect_error(std::error_code error, std::chrono::nanoseconds timeout);

}  // namespace mynah::client
