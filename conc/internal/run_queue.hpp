// run_queue.hpp -- the queues of runnable tasks: a worker's own, which others steal from, and two plain lists.
//
// Threads  LocalQueue: push and pop by its worker, steal_into by any other. TaskList: guarded by its owner.
// Order    first in, first out, so that tasks which only yield take turns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "conc/internal/atomic.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

/// Intrusive list through TaskRecord::next.
class TaskList {
  public:
    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }

    void push(TaskRecord& task) noexcept {
        task.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &task;
        last_ = &task;
        ++size_;
    }

    TaskRecord* pop() noexcept {
        TaskRecord* task = first_;
        if (task != nullptr) {
            first_ = task->next;
            if (first_ == nullptr) {
                last_ = nullptr;
            }
            --size_;
        }
        return task;
    }

    /// Moves all of `other` to the end.
    void append(TaskList& other) noexcept {
        if (other.first_ != nullptr) {
            (last_ == nullptr ? first_ : last_->next) = other.first_;
            last_ = other.last_;
            size_ += other.size_;
            other.clear();
        }
    }

    void clear() noexcept {
        first_ = last_ = nullptr;
        size_ = 0;
    }

  private:
    TaskRecord* first_ = nullptr;
    TaskRecord* last_ = nullptr;
    std::size_t size_ = 0;
};

/// Ring of runnable tasks with one producer and many consumers.
///
/// Invariants:
/// - head_ <= tail_ <= head_ + kCapacity (modulo 2^32); slots in [head_, tail_) hold tasks.
/// - Only the owner moves tail_. Whoever moves head_ by compare-and-swap owns the slots that it passed.
class LocalQueue {
  public:
    static constexpr std::uint32_t kCapacity = 256;

    /// Owner only. False when full.
    bool push(TaskRecord& task) noexcept {
        const std::uint32_t tail = tail_.load(kRelaxed);  // only the owner writes it
        // acquire: pairs with a thief's release, so that it has read a slot before it is written again.
        if (tail - head_.load(kAcquire) >= kCapacity) {
            return false;
        }
        slots_[tail % kCapacity].store(&task, kRelaxed);
        tail_.store(tail + 1, kRelease);  // release: publishes the slot, and all that the task's waker did
        return true;
    }

    /// Owner only. nullptr when empty.
    TaskRecord* pop() noexcept {
        std::uint32_t head = head_.load(kAcquire);
        while (head != tail_.load(kRelaxed)) {
            TaskRecord* task = slots_[head % kCapacity].load(kRelaxed);
            if (head_.compare_exchange_weak(head, head + 1, kAcqRel, kAcquire)) {
                return task;
            }
        }
        return nullptr;
    }

    /// Takes half of the tasks (at least one) for another worker: returns one, and pushes the rest to `thief`, whose
    /// owner calls.
    TaskRecord* steal_into(LocalQueue& thief) noexcept {
        for (;;) {
            std::uint32_t head = head_.load(kAcquire);
            const std::uint32_t tail = tail_.load(kAcquire);  // acquire: the slots up to tail are visible
            const std::uint32_t size = tail - head;
            if (size == 0) {
                return nullptr;
            }
            if (size > kCapacity) {
                continue;  // head and tail were read at different moments
            }
            const std::uint32_t count = size - size / 2;
            std::array<TaskRecord*, kCapacity / 2> taken;
            for (std::uint32_t i = 0; i < count; ++i) {
                taken[i] = slots_[(head + i) % kCapacity].load(kRelaxed);
            }
            if (!head_.compare_exchange_strong(head, head + count, kAcqRel, kRelaxed)) {
                continue;
            }
            // The thief's queue was empty and no more than half a ring arrives, so push cannot fail.
            for (std::uint32_t i = 1; i < count; ++i) {
                thief.push(*taken[i]);
            }
            return taken[0];
        }
    }

    /// Owner only: how many push() is sure to take.
    std::uint32_t room() const noexcept { return kCapacity - (tail_.load(kRelaxed) - head_.load(kAcquire)); }

    bool empty() const noexcept { return head_.load(kAcquire) == tail_.load(kAcquire); }

    /// From any thread; exact for the owner while nobody steals.
    std::uint32_t size() const noexcept {
        const std::uint32_t head = head_.load(kAcquire);  // first: tail_ may only have grown since
        return tail_.load(kAcquire) - head;
    }

    /// Only while no worker runs.
    void clear() noexcept { head_.store(tail_.load(kRelaxed), kRelaxed); }

  private:
    Atomic<std::uint32_t> head_{0};
    Atomic<std::uint32_t> tail_{0};
    std::array<Atomic<TaskRecord*>, kCapacity> slots_{};
};

}  // namespace mynah::conc::internal
