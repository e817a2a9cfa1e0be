// exit_status.hpp -- what mynah tells the shell.
//
// What     the statuses that other people's scripts rely on; --help of every command prints the same list.
#pragma once

namespace mynah::client {

enum class ExitStatus : int {
    verified = 0,     // every byte came back as it was sent
    mismatch = 1,     // bytes differed, were lost, or could not be written to standard output
    usage = 2,        // the command line made no sense
    unreachable = 3,  // could not connect, or nothing came back in time
};

}  // namespace mynah::client
