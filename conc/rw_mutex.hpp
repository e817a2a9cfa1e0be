// rw_mutex.hpp -- many readers or one writer.                       Go: sync.RWMutex
//
// What     auto guard = co_await mutex.lock_shared(); for reading, co_await mutex.lock(); for writing; the guards
//          unlock at the end of their scopes. try_lock_shared() and try_lock() give a guard that may hold nothing.
// Threads  every member, from any worker; a guard may move to another task and unlock there.
// Order    an unlock for writing synchronizes-before every lock that follows, one for reading before every lock for
//          writing that follows.
// Resume   on the scheduler. A writer that waits keeps new readers out; when it has written, the readers that came
//          meanwhile go in before the next writer: neither side starves.
// Cancel   cancel-safe.
// Errors   none: a guard cannot unlock what it does not hold.
// Cost     reading, while nobody writes: one atomic addition to lock and one to unlock, in a cache line that only tasks
//          of the same worker share. Writing: one short lock, and a look at every worker's line.
// Lifetime longer than its guards and whoever waits for it.
// Differs  from Go: unlocking is the guard's. As there, a task that reads must not lock for reading again: a writer
//          that came in between would wait for it, and it for the writer.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

/// Invariants, beside those of waiter.hpp:
/// - A reader is in while it is counted in a slot. One that counted itself and then saw `writing_` is not: it takes
///   itself off again, and queues.
/// - While `writing_` is set, only unlock() lets readers in, under lock_.
/// - The writer is in when `writing_` is set and every slot was seen at zero after that; whoever takes a slot down
///   while `writing_` is set looks again on its behalf. All accesses to both are sequentially consistent, so a reader
///   either sees `writing_` or is seen.
class RWMutex {
    struct alignas(64) Slot {
        internal::Atomic<std::int64_t> readers{0};
    };

    struct RWWaiter final : internal::Waiter {
        Slot* counted_in = nullptr;  // where a reader is counted; nullptr: a writer
        bool granted = false;        // it has the lock; written before the wake-up
        bool is_next = false;        // the writer that waits for the readers which are in; guarded by lock_
    };

  public:
    /// Holds the lock for writing, or nothing.
    class [[nodiscard]] Guard {
      public:
        Guard() = default;
        Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Guard& operator=(Guard&& other) noexcept {
            if (this != &other) {
                unlock();
                mutex_ = std::exchange(other.mutex_, nullptr);
            }
            return *this;
        }
        ~Guard() { unlock(); }

        explicit operator bool() const noexcept { return mutex_ != nullptr; }
        void unlock() noexcept {
            if (RWMutex* mutex = std::exchange(mutex_, nullptr); mutex != nullptr) {
                mutex->unlock();
            }
        }

      private:
        friend class RWMutex;
        explicit Guard(RWMutex& mutex) noexcept : mutex_(&mutex) {}

        RWMutex* mutex_ = nullptr;
    };

    /// Holds the lock for reading, or nothing.
    class [[nodiscard]] SharedGuard {
      public:
        SharedGuard() = default;
        SharedGuard(SharedGuard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)), slot_(other.slot_) {}
        SharedGuard& operator=(SharedGuard&& other) noexcept {
            if (this != &other) {
                unlock();
                mutex_ = std::exchange(other.mutex_, nullptr);
                slot_ = other.slot_;
            }
            return *this;
        }
        ~SharedGuard() { unlock(); }

        explicit operator bool() const noexcept { return mutex_ != nullptr; }
        void unlock() noexcept {
            if (RWMutex* mutex = std::exchange(mutex_, nullptr); mutex != nullptr) {
                mutex->leave(*slot_);
            }
        }

      private:
        friend class RWMutex;
        SharedGuard(RWMutex& mutex, Slot& slot) noexcept : mutex_(&mutex), slot_(&slot) {}

        RWMutex* mutex_ = nullptr;
        Slot* slot_ = nullptr;
    };

    class [[nodiscard]] LockAwaiter {
      public:
        explicit LockAwaiter(RWMutex& mutex) noexcept : mutex_(mutex) {}
        ~LockAwaiter() { mutex_.abandon(waiter_); }
        LockAwaiter(const LockAwaiter&) = delete;
        LockAwaiter& operator=(const LockAwaiter&) = delete;

        // Leaves the inner lock held where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept { return mutex_.begin_writing(); }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.task = &internal::park(where, internal::WaitReason::rw_mutex_lock);
            mutex_.queue_writer(waiter_);
        }
        Guard await_resume() noexcept {
            waiter_.task = nullptr;
            return Guard(mutex_);
        }

      private:
        RWMutex& mutex_;
        RWWaiter waiter_;
    };

    class [[nodiscard]] LockSharedAwaiter {
      public:
        explicit LockSharedAwaiter(RWMutex& mutex) noexcept : mutex_(mutex) {}
        ~LockSharedAwaiter() { mutex_.abandon(waiter_); }
        LockSharedAwaiter(const LockSharedAwaiter&) = delete;
        LockSharedAwaiter& operator=(const LockSharedAwaiter&) = delete;

        // As LockAwaiter's.
        bool await_ready() noexcept {
            waiter_.counted_in = &mutex_.slot_of_this_worker();
            return mutex_.try_enter(*waiter_.counted_in) || mutex_.begin_reading(*waiter_.counted_in);
        }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.task = &internal::park(where, internal::WaitReason::rw_mutex_lock_shared);
            mutex_.queue_reader(waiter_);
        }
        SharedGuard await_resume() noexcept {
            waiter_.task = nullptr;
            return {mutex_, *waiter_.counted_in};
        }

      private:
        RWMutex& mutex_;
        RWWaiter waiter_;
    };

    RWMutex();
    ~RWMutex();
    RWMutex(const RWMutex&) = delete;
    RWMutex& operator=(const RWMutex&) = delete;

    /// co_await: the Guard.
    LockAwaiter lock() noexcept { return LockAwaiter(*this); }
    /// co_await: the SharedGuard.
    LockSharedAwaiter lock_shared() noexcept { return LockSharedAwaiter(*this); }
    Guard try_lock() noexcept;
    SharedGuard try_lock_shared() noexcept;

  private:
    /// The slot of the calling worker, or of a thread that is none.
    Slot& slot_of_this_worker() const noexcept;
    bool try_enter(Slot& slot) noexcept {
        slot.readers.fetch_add(1, internal::kSeqCst);
        if (!writing_.load(internal::kSeqCst)) [[likely]] {
            return true;
        }
        leave(slot);
        return false;
    }
    void leave(Slot& slot) noexcept {
        slot.readers.fetch_sub(1, internal::kSeqCst);
        if (writing_.load(internal::kSeqCst)) [[unlikely]] {
            look_for_next_writer();
        }
    }
    void look_for_next_writer() noexcept;
    void unlock() noexcept;

    // True: the lock is taken. False: lock_ is held, and the caller queues.
    bool begin_reading(Slot& slot) noexcept;
    bool begin_writing() noexcept;
    void queue_reader(RWWaiter& waiter) noexcept;
    void queue_writer(RWWaiter& waiter) noexcept;
    /// Gives up a lock that a waiter stands for, or what it was granted.
    void abandon(RWWaiter& waiter) noexcept;

    bool no_readers() const noexcept;
    void admit_next_writer(internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock_);
    /// The writer is out: all readers that wait go in, and the next writer is next.
    void hand_over(internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock_);

    std::size_t slot_count_;  // a power of two
    std::unique_ptr<Slot[]> slots_;
    internal::Atomic<bool> writing_{false};  // a writer is in or is next; written under lock_

    internal::SpinLock lock_;
    bool writer_in_ MYNAH_GUARDED_BY(lock_) = false;
    RWWaiter* next_writer_ MYNAH_GUARDED_BY(lock_) = nullptr;  // waits for the readers that are in
    internal::WaiterList readers_ MYNAH_GUARDED_BY(lock_);
    internal::WaiterList writers_ MYNAH_GUARDED_BY(lock_);
};

}  // namespace mynah::conc
