// timer_heap.hpp -- the armed timers of one worker, nearest first.
//
// What     a 4-ary heap of intrusive nodes; arming, disarming and expiring are logarithmic.
// Threads  every member, from any thread; nodes are claimed under the heap's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {

class TimerHeap;

/// Base of whatever waits for a point in time. Lives in a frame or in a context.
class TimerNode {
  public:
    TimerNode() = default;
    TimerNode(const TimerNode&) = delete;
    TimerNode& operator=(const TimerNode&) = delete;

    TimePoint deadline() const noexcept { return deadline_; }

    /// True when the timer was armed and now never expires. Once it has returned, no heap touches the node.
    bool disarm() noexcept;

  protected:
    ~TimerNode() = default;

  private:
    friend class TimerHeap;
    static constexpr std::size_t kNotArmed = std::numeric_limits<std::size_t>::max();

    /// The deadline has come. Called under the heap's lock: claim the waiter and add what is to be woken to `woken`.
    virtual void expire(WakeList& woken) noexcept = 0;

    // Where it is armed; nullptr: nowhere, so nobody touches it. Written under that heap's lock. Atomic, since a
    // context may be disarmed by one worker while another one arms it.
    Atomic<TimerHeap*> heap_{nullptr};
    TimePoint deadline_;
    std::size_t index_ = kNotArmed;  // guarded by the lock of the heap that it is armed in
};

class TimerHeap {
  public:
    TimerHeap() = default;
    TimerHeap(const TimerHeap&) = delete;
    TimerHeap& operator=(const TimerHeap&) = delete;
    /// Lets go of the timers that are still armed: a context may outlive its scheduler.
    ~TimerHeap();

    /// A deadline too far away to be told from "none" is brought a moment nearer. True when the new node is the nearest
    /// now.
    bool arm(TimerNode& node, TimePoint deadline);

    /// Claims what is due at `now`, in the order of the deadlines, up to the first that has more to do than to wake a
    /// task: that comes before all that was due later. The caller repeats it while anything is due.
    void expire(TimePoint now, WakeList& woken) noexcept;

    bool empty() const noexcept { return nearest_ns_.load(kRelaxed) == kNone; }
    bool due(TimePoint now) const noexcept { return nearest_ns_.load(kRelaxed) <= now.time_since_epoch().count(); }

    /// TimePoint::max() when nothing is armed.
    TimePoint nearest() const noexcept { return TimePoint(Duration(nearest_ns_.load(kAcquire))); }

  private:
    friend class TimerNode;
    static constexpr std::size_t kArity = 4;
    static constexpr std::int64_t kNone = Duration::max().count();

    // The deadline stands beside the pointer, so that sifting reads no node.
    struct Entry {
        TimePoint deadline;
        TimerNode* node;
    };

    void place(std::size_t index, Entry entry) noexcept MYNAH_REQUIRES(lock_);
    void sift_up(std::size_t index, Entry entry) noexcept MYNAH_REQUIRES(lock_);
    void sift_down(std::size_t index, Entry entry) noexcept MYNAH_REQUIRES(lock_);
    void remove(std::size_t index) noexcept MYNAH_REQUIRES(lock_);
    void publish_nearest() noexcept MYNAH_REQUIRES(lock_);

    mutable SpinLock lock_;
    std::vector<Entry> entries_ MYNAH_GUARDED_BY(lock_);
    Atomic<std::int64_t> nearest_ns_{kNone};  // written under lock_; read without it as a hint
};

}  // namespace mynah::conc::internal
