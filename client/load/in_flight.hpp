// in_flight.hpp -- the messages of one connection that have not come back yet, oldest first.
//
// Cost     24 bytes a message.
#pragma once

#include <cstdint>

#include "client/ring_queue.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {

struct Message {
    conc::TimePoint planned;  // in a closed loop the same as `sent`
    conc::TimePoint sent;     // when it was handed to the kernel, or would have been, had there been room
    std::uint64_t bytes;
};

using InFlight = RingQueue<Message>;

}  // namespace mynah::client::load
