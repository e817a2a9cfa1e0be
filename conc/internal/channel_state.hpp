// channel_state.hpp -- the channel behind the handles.              Go: runtime.hchan
//
// Invariants, under `lock`:
// - A sender waits only while the buffer is full, a receiver only while it is empty and the channel is open; so at
//   least one of `senders` and `receivers` holds no claimable waiter, except for the two cases of one select on one
//   channel.
// - Values leave in the order in which they came: buffer first, then `senders` in their order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "conc/internal/atomic.hpp"
#include "conc/internal/counted.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc::internal {

template <class T>
struct ChannelState final : Counted {
    static_assert(std::is_object_v<T> && std::is_nothrow_move_constructible_v<T>,
                  "a channel's values are handed over under a lock, so moving one must not throw");
    static_assert(alignof(T) <= alignof(std::max_align_t), "values stand in frames, which are not over-aligned");
    using Slot = std::optional<T>;

    explicit ChannelState(std::size_t capacity_values)
        : capacity(capacity_values), buffer_(std::make_unique<Slot[]>(capacity_values)) {}

    static CountedPtr<ChannelState> make(std::size_t capacity) {
        if (capacity > std::size_t{1} << 40U) {
            throw Panic("a channel's capacity is out of range");
        }
        return CountedPtr<ChannelState>::make(capacity);
    }

    /// Delivers `value` to a waiting receiver, which is to be woken after the lock is released, or to the buffer. False
    /// when neither takes it. The channel is open.
    bool try_send(T& value, TaskRecord*& woken) noexcept MYNAH_REQUIRES(lock) {
        if (Waiter* receiver = receivers.pop_claimed(); receiver != nullptr) {
            static_cast<Slot*>(receiver->slot)->emplace(std::move(value));
            woken = receiver->task;
            return true;
        }
        if (count() == capacity) {
            return false;
        }
        append(value);
        return true;
    }

    /// Takes the oldest value into `value`; leaves it empty when the channel is closed and drained. False when a
    /// receiver has to wait.
    bool try_recv(Slot& value, TaskRecord*& woken) noexcept MYNAH_REQUIRES(lock) {
        if (count() > 0) {
            Slot& oldest = buffer_[first_];
            value.emplace(std::move(*oldest));
            oldest.reset();
            first_ = first_ + 1 == capacity ? 0 : first_ + 1;
            if (Waiter* sender = senders.pop_claimed(); sender != nullptr) {
                // Full before and after, for who looks without the lock, too: the first place is now the last.
                oldest.emplace(std::move(*static_cast<T*>(sender->slot)));
                woken = sender->task;
            } else {
                count_.store(count() - 1, kRelease);
            }
            return true;
        }
        if (Waiter* sender = senders.pop_claimed(); sender != nullptr) {
            value.emplace(std::move(*static_cast<T*>(sender->slot)));
            woken = sender->task;
            return true;
        }
        return closed.load(kRelaxed);
    }

    bool try_send_locking(T& value, TaskRecord*& woken) {
        const SpinGuard guard(lock);
        if (closed.load(kRelaxed)) {
            throw Panic("send on closed channel");
        }
        return try_send(value, woken);
    }

    bool try_recv_locking(Slot& value, TaskRecord*& woken) noexcept {
        const SpinGuard guard(lock);
        return try_recv(value, woken);
    }

    /// False where it was closed already.
    bool try_close() noexcept {
        WakeList woken;  // wakes when it goes out of scope, after the lock
        return try_close(woken);
    }

    /// The same for a caller that holds a lock of its own, and wakes after it.
    bool try_close(WakeList& woken) noexcept {
        const SpinGuard guard(lock);
        if (closed.load(kRelaxed)) {
            return false;
        }
        closed.store(true, kRelease);
        for (WaiterList* waiting : {&receivers, &senders}) {
            while (Waiter* waiter = waiting->pop_claimed()) {
                waiter->closed = true;
                woken.push(*waiter->task);
            }
        }
        return true;
    }

    void close() {
        if (!try_close()) {
            throw Panic("close of closed channel");
        }
    }

    std::size_t size() const noexcept { return count_.load(kAcquire); }

    // Without the lock, for the try_ forms: true only where at one moment of the call the channel was open, and there
    // was nobody and nothing to receive from (no room and nobody to send to). False where one has to look under the
    // lock.
    // The order matters: it was open still when it is seen to be empty, if it is open afterwards.
    // acquire: closed is read after the rest.
    bool surely_cannot_recv() const noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        const bool nothing = capacity == 0 ? senders.looks_empty() : count_.load(kAcquire) == 0;
        return nothing && !closed.load(kAcquire);
    }
    bool surely_cannot_send() const noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        const bool no_room = capacity == 0 ? receivers.looks_empty() : count_.load(kAcquire) == capacity;
        return no_room && !closed.load(kAcquire);
    }

    // For select, which looks at several channels before it takes from one.
    bool can_send() const noexcept MYNAH_REQUIRES(lock) {
        return closed.load(kRelaxed) || count() < capacity || receivers.any_open();
    }
    bool can_recv() const noexcept MYNAH_REQUIRES(lock) {
        return closed.load(kRelaxed) || count() > 0 || senders.any_open();
    }

    void leave_receivers(Waiter& waiter) noexcept {
        const SpinGuard guard(lock);
        receivers.remove(waiter);
    }
    void leave_senders(Waiter& waiter) noexcept {
        const SpinGuard guard(lock);
        senders.remove(waiter);
    }

    const std::size_t capacity;
    SpinLock lock;
    Atomic<bool> closed{false};  // written under the lock; so is count_
    WaiterList receivers MYNAH_GUARDED_BY(lock);
    WaiterList senders MYNAH_GUARDED_BY(lock);

  private:
    std::size_t count() const noexcept { return count_.load(kRelaxed); }  // by the holder of the lock

    /// The buffer is not full.
    void append(T& value) noexcept MYNAH_REQUIRES(lock) {
        const std::size_t end = first_ + count();
        buffer_[end < capacity ? end : end - capacity].emplace(std::move(value));
        count_.store(count() + 1, kRelease);
    }

    std::unique_ptr<Slot[]> buffer_ MYNAH_GUARDED_BY(lock);
    std::size_t first_ MYNAH_GUARDED_BY(lock) = 0;
    Atomic<std::size_t> count_{0};
};

}  // namespace mynah::conc::internal
