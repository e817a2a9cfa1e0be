// count.hpp -- a counter that one task at a time writes, and anybody reads.
// What     add() costs no more than adding to a plain number: one writer needs no atomic addition.
// Threads  add: one at a time, each before the next; get: from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace mynah::server {

class Count {
  public:
    void add(std::uint64_t more) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};  // relaxed: each is a number of its own, and orders nothing else
};

}  // namespace mynah::server
