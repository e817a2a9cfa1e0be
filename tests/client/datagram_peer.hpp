// datagram_peer.hpp -- UDP servers, good and bad, for the client's commands to talk to, in the same process.
//
// What     most behaviours are a Responder: what goes back for the n-th datagram that comes. All of it is sent in one
//          call, so that it is in the client's queue together.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/datagram.hpp"
#include "tests/client/peer.hpp"

namespace mynah::client::testing_support {

struct DatagramPeer {
    net::DatagramSocket* socket;
    net::DatagramSocket* elsewhere;  // another one, at another port
    conc::Context over;              // cancelled when the command has ended; receives end then
};

using DatagramBehaviour = std::function<conc::Task<void>(DatagramPeer peer)>;

/// `number`: from 1.
using Responder = std::function<std::vector<std::string>(std::size_t number, const std::string& text)>;

DatagramBehaviour answering(Responder respond);

/// Every datagram once.
std::vector<std::string> same(std::size_t number, const std::string& text);

/// Runs the command against a UDP server of that behaviour, as run_against does.
Outcome run_against_datagrams(std::size_t workers, DatagramBehaviour behaviour, CommandUnderTest command,
                              Plugs plugs = {});

/// Runs the command where nobody listens.
Outcome run_against_no_datagrams(std::size_t workers, CommandUnderTest command, Plugs plugs = {});

}  // namespace mynah::client::testing_support
