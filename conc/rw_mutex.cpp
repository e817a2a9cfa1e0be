#include "conc/rw_mutex.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <utility>

#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::kAcqRel;
using internal::kAcquire;
using internal::kRelaxed;
using internal::kRelease;
using internal::SpinGuard;
using internal::Waiter;
using internal::WakeList;

RWMutex::RWMutex()
    : slot_count_(std::bit_ceil(std::max<std::size_t>(std::thread::hardware_concurrency(), 2))),
      slots_(std::make_unique<Slot[]>(slot_count_)) {}

// The lock waits for a writer that has opened the slots and is about to return. Waiters may outlive their mutex when
// the scheduler destroys abandoned tasks.
RWMutex::~RWMutex() {
    const SpinGuard guard(lock_);
    if (next_writer_ != nullptr) {
        next_writer_->is_next = false;
    }
    while (auto* waiter = static_cast<RWWaiter*>(granted_.front())) {
        granted_.remove(*waiter);
        waiter->granted = false;
    }
}

namespace {

[[gnu::noinline, gnu::cold]] std::size_t hash_of_this_thread() noexcept {
    return std::hash<std::thread::id>()(std::this_thread::get_id());
}

}  // namespace

[[gnu::noinline]] RWMutex::Slot& RWMutex::slot_of_this_worker() const noexcept {
    const internal::Worker* worker = internal::current_worker;
    const std::size_t index = worker != nullptr ? worker->index() : hash_of_this_thread();
    return slots_[index & (slot_count_ - 1)];
}

bool RWMutex::close_slots() noexcept {
    std::int64_t in = 0;
    for (Slot& slot : slots()) {
        // acquire: pairs with the release of the readers that have left.
        in += slot.readers.fetch_add(Slot::kClosed, kAcquire);
    }
    // acq_rel: so that of those that leave meanwhile each is ordered before the writer.
    return departing_.fetch_add(in, kAcqRel) + in == 0;
}

bool RWMutex::try_close_slots() noexcept {
    for (std::size_t closed = 0; closed < slot_count_; ++closed) {
        std::int64_t readers = 0;
        if (!slots_[closed].readers.compare_exchange_strong(readers, Slot::kClosed, kAcquire, kRelaxed)) {
            open(slots().first(closed));  // nobody was in there, and nobody departed meanwhile
            return false;
        }
    }
    return true;
}

void RWMutex::open(std::span<Slot> slots) noexcept {
    for (Slot& slot : slots) {
        // release: pairs with the acquire of the readers that enter. Taken off, since readers may be counted there.
        slot.readers.fetch_sub(Slot::kClosed, kRelease);
    }
}

RWMutex::Guard RWMutex::try_lock() noexcept {
    const SpinGuard guard(lock_);
    if (writing_ || !try_close_slots()) {
        return {};
    }
    writing_ = true;
    writer_in_ = true;
    return Guard(*this);
}

RWMutex::SharedGuard RWMutex::try_lock_shared() noexcept {
    Slot& slot = slot_of_this_worker();
    if (!try_enter(slot)) {
        const SpinGuard guard(lock_);
        if (writing_) {
            return {};
        }
        slot.readers.fetch_add(1, kAcquire);
    }
    return {*this, slot};
}

bool RWMutex::begin_reading(Slot& slot) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    lock_.lock();
    if (writing_) {
        return false;
    }
    slot.readers.fetch_add(1, kAcquire);
    lock_.unlock();
    return true;
}

void RWMutex::queue_reader(RWWaiter& waiter) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    readers_.push(waiter);
    lock_.unlock();  // the task may run elsewhere from here on
}

bool RWMutex::begin_writing() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    lock_.lock();
    if (writing_) {
        return false;
    }
    writing_ = true;
    if (!close_slots()) {
        return false;
    }
    writer_in_ = true;
    lock_.unlock();
    return true;
}

void RWMutex::queue_writer(RWWaiter& waiter) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    if (!writer_in_ && next_writer_ == nullptr) {
        waiter.is_next = true;
        next_writer_ = &waiter;
    } else {
        writers_.push(waiter);
    }
    lock_.unlock();  // the task may run elsewhere from here on
}

void RWMutex::depart(std::int64_t before) noexcept {
    if (before == 0 || before == Slot::kClosed) {
        internal::fatal("unlock of an RWMutex that is not locked for reading");
    }
    // acq_rel: whoever is last hands the writer what all the others did.
    if (departing_.fetch_sub(1, kAcqRel) != 1) {
        return;
    }
    WakeList woken;  // wakes when it goes out of scope, after the lock
    const SpinGuard guard(lock_);
    admit_next_writer(woken);
}

void RWMutex::grant(RWWaiter& waiter, WakeList& woken) noexcept {
    waiter.granted = true;
    granted_.push(waiter);
    woken.push(*waiter.task);
}

void RWMutex::admit_next_writer(WakeList& woken) noexcept {
    RWWaiter& writer = *std::exchange(next_writer_, nullptr);
    writer_in_ = true;
    writer.is_next = false;
    grant(writer, woken);
}

void RWMutex::hand_over(WakeList& woken) noexcept {
    std::int64_t entering = 0;
    while (Waiter* waiter = readers_.pop_claimed()) {
        auto& reader = *static_cast<RWWaiter*>(waiter);
        reader.counted_in->readers.fetch_add(1, kRelaxed);  // ordered by its wake-up
        grant(reader, woken);
        ++entering;
    }
    Waiter* writer = writers_.pop_claimed();
    if (writer == nullptr) {
        writing_ = false;
        departing_.store(0, kRelaxed);  // not zero where the next writer was abandoned
        open(slots());
        return;
    }
    next_writer_ = static_cast<RWWaiter*>(writer);
    next_writer_->is_next = true;
    // None of those that enter can leave before it is woken, after this.
    if (departing_.fetch_add(entering, kAcqRel) + entering == 0) {
        admit_next_writer(woken);
    }
}

void RWMutex::unlock() noexcept {
    WakeList woken;
    const SpinGuard guard(lock_);
    if (!writer_in_) {
        internal::fatal("unlock of an unlocked RWMutex");
    }
    writer_in_ = false;
    hand_over(woken);
}

void RWMutex::leave_granted(RWWaiter& waiter) noexcept {
    const SpinGuard guard(lock_);
    granted_.remove(waiter);
}

void RWMutex::abandon(RWMutex& mutex, RWWaiter& waiter) noexcept {
    if (waiter.granted) {
        mutex.leave_granted(waiter);
        waiter.counted_in != nullptr ? mutex.leave(*waiter.counted_in) : mutex.unlock();
    } else if (waiter.is_next) {
        WakeList woken;
        const SpinGuard guard(mutex.lock_);
        mutex.next_writer_ = nullptr;
        mutex.hand_over(woken);
    } else if (waiter.queued) {
        const SpinGuard guard(mutex.lock_);
        (waiter.counted_in != nullptr ? mutex.readers_ : mutex.writers_).remove(waiter);
    }
}

}  // namespace mynah::conc
