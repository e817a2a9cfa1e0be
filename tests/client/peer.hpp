// peer.hpp -- servers, good and bad, for the client's commands to talk to, in the same process.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/stream.hpp"

namespace mynah::client::testing_support {

struct Connection {
    net::Stream* stream;
    int number;          // from 1
    conc::Context over;  // cancelled when the command has ended
};

/// What a server does with a connection, which is closed when it returns.
using Behaviour = std::function<conc::Task<void>(Connection connection)>;

/// A command, given the server's address and the console.
using CommandUnderTest = std::function<conc::Task<ExitStatus>(net::Address address, Console* console)>;

/// Echoes until the end of stream, and then ends its own.
conc::Task<void> echo(Connection connection);

/// Returns the first `size` bytes that come, or fewer at the end of stream.
conc::Task<std::string> receive_exactly(net::Stream* stream, std::size_t size);

/// Echoes, and leaves it to the peer to close.
conc::Task<void> echo_and_stay(Connection connection);

/// Takes all that comes and says nothing, until the command has ended.
conc::Task<void> listen_in_silence(Connection connection);

/// Until the command has ended.
conc::Task<void> stay(Connection connection);

struct Outcome {
    ExitStatus status = ExitStatus::usage;
    std::string output;
    std::string errors;
};

/// Descriptors to use in place of files in memory; -1: a file in memory.
struct Plugs {
    int input = -1;
    int output = -1;
    std::string input_text;
};

/// Runs the command against a server of that behaviour, on a scheduler with `workers` workers. Fails the test where a
/// task is left behind.
Outcome run_against(std::size_t workers, Behaviour behaviour, CommandUnderTest command, Plugs plugs = {});

/// Runs a task that makes its own server, if any, likewise.
Outcome run_with_console(std::size_t workers, const Plugs& plugs,
                         const std::function<conc::Task<ExitStatus>(Console* console)>& main);

/// Runs the command where nobody listens.
Outcome run_against_nobody(std::size_t workers, CommandUnderTest command);

}  // namespace mynah::client::testing_support
