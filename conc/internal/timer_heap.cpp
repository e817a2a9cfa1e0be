#include "conc/internal/timer_heap.hpp"

#include <algorithm>
#include <cstddef>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

TimerHeap::~TimerHeap() {
    const SpinGuard guard(lock_);
    for (const Entry& entry : entries_) {
        entry.node->index_ = TimerNode::kNotArmed;
        entry.node->heap_.store(nullptr, kRelease);
    }
}

bool TimerHeap::arm(TimerNode& node, TimePoint deadline) {
    const SpinGuard guard(lock_);
    deadline = std::min(deadline, TimePoint(Duration(kNone - 1)));
    entries_.push_back({.deadline = deadline, .node = &node});
    node.deadline_ = deadline;
    node.heap_.store(this, kRelease);  // release: pairs with disarm(), which reads it without the lock
    sift_up(entries_.size() - 1, entries_.back());
    publish_nearest();
    return entries_.front().node == &node;
}

bool TimerNode::disarm() noexcept {
    TimerHeap* heap = heap_.load(kAcquire);
    if (heap == nullptr) {
        return false;
    }
    const SpinGuard guard(heap->lock_);
    if (index_ == kNotArmed) {
        return false;
    }
    heap->remove(index_);
    heap->publish_nearest();
    heap_.store(nullptr, kRelease);
    return true;
}

void TimerHeap::expire(TimePoint now, WakeList& woken) noexcept {
    const SpinGuard guard(lock_);
    while (!entries_.empty() && entries_.front().deadline <= now && !woken.has_deferred()) {
        TimerNode& node = *entries_.front().node;
        remove(0);
        node.expire(woken);
        // Last: from here on disarm() does not wait for this lock, and the node may go away.
        node.heap_.store(nullptr, kRelease);
    }
    publish_nearest();
}

void TimerHeap::place(std::size_t index, Entry entry) noexcept {
    entries_[index] = entry;
    entry.node->index_ = index;
}

void TimerHeap::sift_up(std::size_t index, Entry entry) noexcept {
    while (index > 0) {
        const std::size_t parent = (index - 1) / kArity;
        if (entries_[parent].deadline <= entry.deadline) {
            break;
        }
        place(index, entries_[parent]);
        index = parent;
    }
    place(index, entry);
}

void TimerHeap::sift_down(std::size_t index, Entry entry) noexcept {
    for (;;) {
        const std::size_t first_child = index * kArity + 1;
        const std::size_t end = std::min(first_child + kArity, entries_.size());
        if (first_child >= end) {
            break;
        }
        std::size_t nearest = first_child;
        for (std::size_t child = first_child + 1; child < end; ++child) {
            if (entries_[child].deadline < entries_[nearest].deadline) {
                nearest = child;
            }
        }
        if (entry.deadline <= entries_[nearest].deadline) {
            break;
        }
        place(index, entries_[nearest]);
        index = nearest;
    }
    place(index, entry);
}

void TimerHeap::remove(std::size_t index) noexcept {
    entries_[index].node->index_ = TimerNode::kNotArmed;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (index == entries_.size()) {
        return;
    }
    if (index > 0 && last.deadline < entries_[(index - 1) / kArity].deadline) {
        sift_up(index, last);
    } else {
        sift_down(index, last);
    }
}

void TimerHeap::publish_nearest() noexcept {
    // release: a worker that reads the deadline in order to sleep also sees the heap.
    nearest_ns_.store(entries_.empty() ? kNone : entries_.front().deadline.time_since_epoch().count(), kRelease);
}

}  // namespace mynah::conc::internal
