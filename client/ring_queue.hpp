// ring_queue.hpp -- a queue in a ring, which grows to what was needed at most and stays so.
//
// Threads  one at a time.
// Cost     no allocation once it has grown.
#pragma once

#include <cstddef>
#include <vector>

namespace mynah::client {

template <class T>
class RingQueue {
  public:
    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }
    const T& front() const noexcept { return ring_[first_]; }

    /// Counted from the front.
    T& operator[](std::size_t index) noexcept { return ring_[place(index)]; }
    const T& operator[](std::size_t index) const noexcept { return ring_[place(index)]; }

    void push(const T& value) {
        if (count_ == ring_.size()) {
            grow();
        }
        ring_[place(count_)] = value;
        ++count_;
    }
    void pop() noexcept {
        first_ = place(1);
        --count_;
    }

  private:
    std::size_t place(std::size_t index) const noexcept { return (first_ + index) & (ring_.size() - 1); }

    void grow() {
        std::vector<T> larger(ring_.empty() ? 1 : ring_.size() * 2);
        for (std::size_t i = 0; i < count_; ++i) {
            larger[i] = ring_[place(i)];
        }
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<T> ring_;  // its size is a power of two, or zero
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace mynah::client
