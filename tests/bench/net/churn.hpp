// churn.hpp -- connections that come and go: connect, one message and its echo, FIN and FIN, and the next.
//
// What     churn() keeps so many of them going for so long, and counts those that went through all of it.
// Threads  one: who calls.
// Errors   std::runtime_error when a connection fails, a byte is wrong, or nothing happens for ten seconds.
// Cost     as connections come from 250 addresses in turn, those in TIME_WAIT do not use up the ports.
#pragma once

#include <chrono>
#include <cstddef>

#include "tests/bench/net/engine.hpp"
#include "tests/bench/net/target.hpp"

namespace mynah::bench {

struct ChurnOptions {
    std::size_t connections = 16;
    std::size_t message_bytes = 64;
    std::chrono::nanoseconds duration{};
};

/// `messages` are connections here.
Counted churn(Target& target, const ChurnOptions& options);

}  // namespace mynah::bench
