#include "conc/rw_mutex.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
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

namespace mynah::conc {

using internal::kSeqCst;
using internal::SpinGuard;
using internal::WakeList;

RWMutex::RWMutex()
    : slot_count_(std::bit_ceil(std::max<std::size_t>(std::thread::hardware_concurrency(), 2))),
      slots_(std::make_unique<Slot[]>(slot_count_)) {}

// A waiter may outlive its mutex when the scheduler destroys abandoned tasks.
RWMutex::~RWMutex() {
    const SpinGuard guard(lock_);
    if (next_writer_ != nullptr) {
        next_writer_->is_next = false;
    }
}

RWMutex::Slot& RWMutex::slot_of_this_worker() const noexcept {
    const internal::Worker* worker = internal::this_worker();
    const std::size_t index =
        worker != nullptr ? worker->index() : std::hash<std::thread::id>()(std::this_thread::get_id());
    return slots_[index & (slot_count_ - 1)];
}

bool RWMutex::no_readers() const noexcept {
    return std::ranges::all_of(std::span(slots_.get(), slot_count_),
                               [](const Slot& slot) { return slot.readers.load(kSeqCst) == 0; });
}

RWMutex::Guard RWMutex::try_lock() noexcept {
    const SpinGuard guard(lock_);
    if (writing_.load(kSeqCst) || !no_readers()) {
        return {};  // without keeping any reader out meanwhile
    }
    writing_.store(true, kSeqCst);
    if (!no_readers()) {
        // A reader that saw this waits for lock_, and looks again.
        writing_.store(false, kSeqCst);
        return {};
    }
    writer_in_ = true;
    return Guard(*this);
}

RWMutex::SharedGuard RWMutex::try_lock_shared() noexcept {
    Slot& slot = slot_of_this_worker();
    if (!try_enter(slot)) {
        return {};
    }
    return {*this, slot};
}

bool RWMutex::begin_reading(Slot& slot) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    lock_.lock();
    if (writing_.load(kSeqCst)) {
        return false;
    }
    slot.readers.fetch_add(1, kSeqCst);
    lock_.unlock();
    return true;
}

void RWMutex::queue_reader(RWWaiter& waiter) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    readers_.push(waiter);
    lock_.unlock();  // the task may run elsewhere from here on
}

bool RWMutex::begin_writing() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    lock_.lock();
    if (writing_.load(kSeqCst)) {
        return false;
    }
    writing_.store(true, kSeqCst);
    if (!no_readers()) {
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

void RWMutex::admit_next_writer(WakeList& woken) noexcept {
    if (next_writer_ == nullptr || !no_readers()) {
        return;
    }
    RWWaiter& writer = *std::exchange(next_writer_, nullptr);
    writer_in_ = true;
    writer.is_next = false;
    writer.granted = true;
    woken.push(*writer.task);
}

void RWMutex::look_for_next_writer() noexcept {
    WakeList woken;  // wakes when it goes out of scope, after the lock
    const SpinGuard guard(lock_);
    admit_next_writer(woken);
}

void RWMutex::hand_over(WakeList& woken) noexcept {
    while (auto* reader = static_cast<RWWaiter*>(readers_.pop_claimed())) {
        reader->counted_in->readers.fetch_add(1, kSeqCst);
        reader->granted = true;
        woken.push(*reader->task);
    }
    if (auto* writer = static_cast<RWWaiter*>(writers_.pop_claimed()); writer != nullptr) {
        writer->is_next = true;
        next_writer_ = writer;
        admit_next_writer(woken);
    } else {
        writing_.store(false, kSeqCst);
    }
}

void RWMutex::unlock() noexcept {
    WakeList woken;
    const SpinGuard guard(lock_);
    writer_in_ = false;
    hand_over(woken);
}

void RWMutex::abandon(RWWaiter& waiter) noexcept {
    if (waiter.task == nullptr) {
        return;
    }
    if (waiter.granted) {
        waiter.counted_in != nullptr ? leave(*waiter.counted_in) : unlock();
    } else if (waiter.is_next) {
        WakeList woken;
        const SpinGuard guard(lock_);
        next_writer_ = nullptr;
        hand_over(woken);
    } else if (waiter.queued) {
        const SpinGuard guard(lock_);
        (waiter.counted_in != nullptr ? readers_ : writers_).remove(waiter);
    }
}

}  // namespace mynah::conc
