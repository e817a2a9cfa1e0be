// datagrams_in_flight.hpp -- the datagrams of one socket that have not come back, by their sequence numbers.
//
// What     push() numbers what is sent; of a number that comes back, standing() says what it means: awaited, counted
//          as lost, or back already. Datagrams are lost in the order in which they were sent.
// Threads  one at a time.
// Cost     an Entry and a flag for each datagram that was sent since the oldest one which is awaited, and the last
//          kLostKept of the lost ones. What was lost before those and comes after all is taken for a duplicate.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "client/ring_queue.hpp"

namespace mynah::client {

template <class Entry>
class DatagramsInFlight {
  public:
    enum class Standing : std::uint8_t {
        unsent,   // nobody has sent it
        awaited,  // it is on its way
        lost,     // it was given up
        back,     // it has come back before
    };
    static constexpr std::size_t kLostKept = 16'384;

    /// `first`: the number of the first datagram.
    explicit DatagramsInFlight(std::uint64_t first) : first_(first), begin_(first) {}

    /// Returns the number.
    std::uint64_t push(const Entry& entry) {
        slots_.push({.entry = entry, .awaited = true});
        ++awaited_;
        return next() - 1;
    }

    /// Leaves a number out: what bears it counts as back.
    void skip() {
        slots_.push({.entry = {}, .awaited = false});
        drop_settled();
    }

    std::uint64_t next() const noexcept { return begin_ + slots_.size(); }
    std::size_t awaited() const noexcept { return awaited_; }

    Standing standing(std::uint64_t sequence) const noexcept {
        if (sequence < first_ || sequence >= next()) {
            return Standing::unsent;
        }
        if (sequence >= begin_) {
            return slots_[slot(sequence)].awaited ? Standing::awaited : Standing::back;
        }
        const auto found = find_lost(sequence);
        return found == lost_.end() || found->is_back ? Standing::back : Standing::lost;
    }

    /// Of one that is awaited or lost.
    const Entry& entry(std::uint64_t sequence) const noexcept {
        return sequence >= begin_ ? slots_[slot(sequence)].entry : find_lost(sequence)->entry;
    }

    /// One that was awaited or lost has come.
    void came_back(std::uint64_t sequence) noexcept {
        if (sequence < begin_) {
            const auto found = find_lost(sequence);
            lost_[static_cast<std::size_t>(found - lost_.begin())].is_back = true;
            return;
        }
        slots_[slot(sequence)].awaited = false;
        --awaited_;
        drop_settled();
    }

    /// Only while something is awaited.
    const Entry& oldest() const noexcept { return slots_.front().entry; }
    std::uint64_t oldest_sequence() const noexcept { return begin_; }

    /// Gives the oldest awaited one up, and returns its number.
    std::uint64_t lose_oldest() {
        const std::uint64_t sequence = begin_;
        if (lost_.size() == kLostKept) {
            lost_.pop_front();
        }
        lost_.push_back({.sequence = sequence, .entry = oldest(), .is_back = false});
        slots_[0].awaited = false;
        --awaited_;
        drop_settled();
        return sequence;
    }

  private:
    struct Slot {
        Entry entry;
        bool awaited;
    };
    struct Lost {
        std::uint64_t sequence;
        Entry entry;
        bool is_back;
    };

    std::size_t slot(std::uint64_t sequence) const noexcept { return static_cast<std::size_t>(sequence - begin_); }

    typename std::deque<Lost>::const_iterator find_lost(std::uint64_t sequence) const noexcept {
        const auto found = std::ranges::lower_bound(lost_, sequence, {}, &Lost::sequence);
        return found != lost_.end() && found->sequence == sequence ? found : lost_.end();
    }

    void drop_settled() noexcept {
        while (!slots_.empty() && !slots_.front().awaited) {
            slots_.pop();
            ++begin_;
        }
    }

    // Invariant: slots_ are the datagrams from begin_ on; the first of them, if there is any, is awaited.
    std::uint64_t first_;
    std::uint64_t begin_;
    RingQueue<Slot> slots_;
    std::size_t awaited_ = 0;
    std::deque<Lost> lost_;  // in ascending order
};

}  // namespace mynah::client
