// waiter.hpp -- the one protocol under every place where a task parks.   Go: runtime.sudog
//
// A task that has to wait puts a Waiter, which lives in its frame, into the list of what it waits for, and suspends.
// Whoever makes the condition true takes a waiter off the list under that list's lock and owns the wake-up, if the
// waiter stands alone. A waiter that is one case of a select must be claimed as well: the first party to set the
// selection's winner owns the wake-up, the others leave the waiter aside. The owner moves the value to or from `slot`
// before it makes the task ready.
//
// Invariants:
// - prev, next and queued are guarded by the lock of the list that the waiter is in.
// - A claim is made under that lock, so a task that has taken its waiters off all lists cannot be claimed any more.
// - After a claim and before make_ready() the waiter's frame cannot go away: nobody else can resume the task.
#pragma once

#include <cstdint>
#include <limits>

#include "conc/internal/atomic.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

/// The state word of one select.
class Selection {
  public:
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

    /// True for exactly one caller.
    bool claim(std::uint32_t index) noexcept {
        std::uint32_t expected = kNone;
        // acq_rel: the value handed over before the wake-up is ordered by the run queue; this orders claim and claim.
        return winner_.compare_exchange_strong(expected, index, kAcqRel, kRelaxed);
    }

    std::uint32_t winner() const noexcept { return winner_.load(kAcquire); }
    void reset() noexcept { winner_.store(kNone, kRelaxed); }

  private:
    Atomic<std::uint32_t> winner_{kNone};
};

struct Waiter {
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    bool claim() noexcept { return selection == nullptr || selection->claim(index); }

    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    TaskRecord* task = nullptr;
    Selection* selection = nullptr;  // nullptr: the task waits for this alone
    void* slot = nullptr;            // where the value goes to or comes from; its type is the list owner's
    std::uint32_t index = 0;         // which case of the selection
    bool queued = false;
    bool closed = false;  // woken because the channel was closed
};

/// First in, first out. Guarded by the lock of whatever owns it.
class WaiterList {
  public:
    WaiterList() = default;
    WaiterList(const WaiterList&) = delete;
    WaiterList& operator=(const WaiterList&) = delete;
    // Waiters may outlive what they wait for when the scheduler destroys abandoned tasks.
    ~WaiterList() {
        while (!empty()) {
            remove(*front());
        }
    }

    bool empty() const noexcept { return front() == nullptr; }

    /// The same for who does not hold the lock: it was so at some moment.
    bool looks_empty() const noexcept { return first_.load(kAcquire) == nullptr; }

    /// The waiter that has waited longest, still on the list; nullptr when there is none.
    Waiter* front() const noexcept { return first_.load(kRelaxed); }

    void push(Waiter& waiter) noexcept {
        waiter.previous = last_;
        waiter.next = nullptr;
        waiter.queued = true;
        if (last_ == nullptr) {
            first_.store(&waiter, kRelease);
        } else {
            last_->next = &waiter;
        }
        last_ = &waiter;
    }

    /// Does nothing where the waiter was taken off already.
    void remove(Waiter& waiter) noexcept {
        if (!waiter.queued) {
            return;
        }
        if (waiter.previous == nullptr) {
            first_.store(waiter.next, kRelease);
        } else {
            waiter.previous->next = waiter.next;
        }
        (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
        waiter.queued = false;
    }

    /// Takes waiters off until one can be claimed; nullptr when none can.
    Waiter* pop_claimed() noexcept {
        while (!empty()) {
            Waiter& waiter = *front();
            remove(waiter);
            if (waiter.claim()) {
                return &waiter;
            }
        }
        return nullptr;
    }

    /// True when pop_claimed() would probably find one: a select elsewhere may still be faster.
    bool any_open() const noexcept {
        for (const Waiter* waiter = front(); waiter != nullptr; waiter = waiter->next) {
            if (waiter->selection == nullptr || waiter->selection->winner() == Selection::kNone) {
                return true;
            }
        }
        return false;
    }

  private:
    Atomic<Waiter*> first_{nullptr};
    Waiter* last_ = nullptr;
};

}  // namespace mynah::conc::internal
