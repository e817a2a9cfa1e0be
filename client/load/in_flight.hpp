// in_flight.hpp -- the messages of one connection that have not come back yet, oldest first.
//
// What     a queue in a ring, which grows to what was needed at most and stays so.
// Threads  one at a time.
// Cost     no allocation once it has grown; 24 bytes a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "conc/event_source.hpp"

namespace mynah::client::load {

struct Message {
    conc::TimePoint planned;  // in a closed loop the same as `sent`
    conc::TimePoint sent;     // when it was handed to the kernel, or would have been, had there been room
    std::uint64_t bytes;
};

class InFlight {
  public:
    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }
    const Message& front() const noexcept { return ring_[first_]; }

    void push(const Message& message) {
        if (count_ == ring_.size()) {
            grow();
        }
        ring_[(first_ + count_) & (ring_.size() - 1)] = message;
        ++count_;
    }
    void pop() noexcept {
        first_ = (first_ + 1) & (ring_.size() - 1);
        --count_;
    }

  private:
    void grow() {
        std::vector<Message> larger(ring_.empty() ? 1 : ring_.size() * 2);
        for (std::size_t i = 0; i < count_; ++i) {
            larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
        }
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<Message> ring_;  // its size is a power of two, or zero
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace mynah::client::load
