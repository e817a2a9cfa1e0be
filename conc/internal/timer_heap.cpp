#include "conc/internal/timer_heap.hpp"

#include <algorithm>

namespace mynah::conc::internal {

bool TimerHeap::arm(TimerNode& node, TimePoint deadline) {
    const SpinGuard guard(lock_);
    node.heap_ = this;
    node.deadline_ = deadline;
    entries_.push_back({.deadline = deadline, .node = &node});
    sift_up(entries_.size() - 1, entries_.back());
    publish_nearest();
    return entries_.front().node == &node;
}

bool TimerNode::disarm() noexcept {
    if (heap_ == nullptr) {
        return false;
    }
    const SpinGuard guard(heap_->lock_);
    if (index_ == kNotArmed) {
        return false;
    }
    heap_->remove(index_);
    heap_->publish_nearest();
    return true;
}

void TimerHeap::expire(TimePoint now, WakeList& woken) noexcept {
    const SpinGuard guard(lock_);
    while (!entries_.empty() && entries_.front().deadline <= now) {
        TimerNode& node = *entries_.front().node;
        remove(0);
        node.expire(woken);
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
