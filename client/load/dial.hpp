// dial.hpp -- makes the connections of a load, a bounded number at a time.
//
// What     The first connection is made alone: where nobody listens, one attempt is enough to say so. The others go to
//          the address that it found, so that a name is looked up once. Over UDP that only opens sockets: whether
//          anyone listens is found when something is sent.
// Cancel   with `stop`; then those that were made are given up.
// Errors   counted by what the system says of them: "cannot connect: Connection refused".
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/load/options.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "net/stream.hpp"

namespace mynah::client::load {

inline constexpr std::string_view kCannotConnect = "cannot connect";

struct Dialled {
    std::vector<net::Stream> streams;
    std::vector<net::DatagramSocket> sockets;       // in their place, over UDP
    std::map<std::string, std::uint64_t> failures;  // why, and how many
    std::chrono::nanoseconds elapsed{0};
    bool stopped = false;
};

/// `datagrams` is for the sockets over UDP.
conc::Task<Dialled> dial(Options options, net::DatagramOptions datagrams, conc::Context stop);

}  // namespace mynah::client::load
