// push.hpp -- whether a server stands a peer that sends much and reads nothing, and then reads after all.
//
// What     push() sends until the server takes no more, which has to come before all `bytes` are with it; then it reads
//          while it sends the rest, half-closes, and expects every byte back, and the server's FIN.
// Threads  one: who calls.
// Errors   std::runtime_error when the server takes everything, loses or changes a byte, or stops for ten seconds.
#pragma once

#include <cstddef>

#include "tests/bench/net/target.hpp"

namespace mynah::bench {

/// How many bytes were on their way when the server took no more.
std::size_t push(Target& target, std::size_t bytes);

}  // namespace mynah::bench
