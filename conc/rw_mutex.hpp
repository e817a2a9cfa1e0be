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
// Errors   unlocking a mutex that is not locked is fatal; a guard does so only where its own mutex is gone.
// Cost     reading, while nobody writes: one atomic operation to lock and one to unlock, in a cache line that only
//          tasks of the same worker share. Writing: one short lock, and two visits to every worker's line.
// Lifetime longer than its guards. Whoever has locked it last may destroy it as soon as it has unlocked.
// Differs  from Go: unlocking is the guard's; there is no RLocker, as Cond takes a Mutex alone. As there, a task that
//          reads must not lock for reading again: a writer that came in between would wait for it, and it for the
//          writer.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

/// Invariants, beside those of waiter.hpp:
/// - A reader is in while it is counted in a slot. Nobody counts himself in a closed slot: readers that find theirs
///   closed queue, and are counted by whoever lets them in.
/// - While a writer is in or is next (`writing_`), every slot is closed. try_lock() closes slots without readers for a
///   moment, under lock_: so a reader whose slot is closed looks at `writing_` too.
/// - `departing_` is how many readers the next writer waits for. Closing a slot tells how many are counted there, and
///   from then on each of them counts down `departing_` when it leaves. It reaches zero once for each writer: for the
///   writer itself as it adds up, or for the reader that left last, which lets the writer in.
/// - Leaving an open slot, or before the last, a reader touches nothing after its count: the writer that it made way
///   for may be in already, and destroy the mutex. The last one knows that the writer waits for it.
/// - Whoever was let in after a wait stands in `granted_` until its task runs, for the case that the scheduler destroys
///   the mutex before that.
class RWMutex {
    struct alignas(64) Slot {
        static constexpr std::int64_t kClosed = std::numeric_limits<std::int64_t>::min();
        internal::Atomic<std::int64_t> readers{0};  // kClosed is added while the slot is closed
    };

    struct RWWaiter final : internal::Waiter {
        explicit RWWaiter(internal::TaskRecord& parked) noexcept { task = &parked; }

        Slot* counted_in = nullptr;  // where a reader is counted; nullptr: a writer
        bool granted = false;        // it has the lock and stands in granted_; written before the wake-up
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
        ~LockAwaiter() {
            if (waiter_) {
                abandon(mutex_, *waiter_);
            }
        }
        LockAwaiter(const LockAwaiter&) = delete;
        LockAwaiter& operator=(const LockAwaiter&) = delete;

        // Leaves the inner lock held where it returns false: await_suspend follows at once and queues the waiter.
        bool await_ready() noexcept { return mutex_.begin_writing(); }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.emplace(internal::park(where, internal::WaitReason::rw_mutex_lock));
            mutex_.queue_writer(*waiter_);
        }
        Guard await_resume() noexcept {
            mutex_.arrived(waiter_);
            return Guard(mutex_);
        }

      private:
        RWMutex& mutex_;
        std::optional<RWWaiter> waiter_;  // made when it has to wait: what a lock mostly costs is its stores
    };

    class [[nodiscard]] LockSharedAwaiter {
      public:
        explicit LockSharedAwaiter(RWMutex& mutex) noexcept : mutex_(mutex) {}
        ~LockSharedAwaiter() {
            if (waiter_) {
                abandon(mutex_, *waiter_);
            }
        }
        LockSharedAwaiter(const LockSharedAwaiter&) = delete;
        LockSharedAwaiter& operator=(const LockSharedAwaiter&) = delete;

        // As LockAwaiter's.
        bool await_ready() noexcept {
            slot_ = &mutex_.slot_of_this_worker();
            return mutex_.try_enter(*slot_) || mutex_.begin_reading(*slot_);
        }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) noexcept {
            waiter_.emplace(internal::park(where, internal::WaitReason::rw_mutex_lock_shared));
            waiter_->counted_in = slot_;
            mutex_.queue_reader(*waiter_);
        }
        SharedGuard await_resume() noexcept {
            mutex_.arrived(waiter_);
            return {mutex_, *slot_};
        }

      private:
        RWMutex& mutex_;
        Slot* slot_ = nullptr;
        std::optional<RWWaiter> waiter_;  // as LockAwaiter's
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
    /// False where the slot is closed.
    static bool try_enter(Slot& slot) noexcept {
        std::int64_t readers = slot.readers.load(internal::kRelaxed);
        while (readers >= 0) {
            // acquire: pairs with the release of the writer that opened the slot.
            if (slot.readers.compare_exchange_weak(readers, readers + 1, internal::kAcquire, internal::kRelaxed))
                [[likely]] {
                return true;
            }
        }
        return false;
    }
    void leave(Slot& slot) noexcept {
        // release: pairs with the acquire of the writer that closes the slot.
        if (const std::int64_t before = slot.readers.fetch_sub(1, internal::kRelease); before <= 0) [[unlikely]] {
            depart(before);
        }
    }
    /// The rest of leaving a closed slot, which held `before`.
    void depart(std::int64_t before) noexcept;
    void unlock() noexcept;

    // True: the lock is taken. False: lock_ is held, and the caller queues.
    bool begin_reading(Slot& slot) noexcept;
    bool begin_writing() noexcept;
    void queue_reader(RWWaiter& waiter) noexcept;
    void queue_writer(RWWaiter& waiter) noexcept;
    /// The waiter's task runs. Does nothing for one that did not wait.
    void arrived(std::optional<RWWaiter>& waiter) noexcept {
        if (waiter) {
            leave_granted(*waiter);
            waiter.reset();
        }
    }
    void leave_granted(RWWaiter& waiter) noexcept;
    /// Gives up a lock that a waiter stands for, or what it was granted. Touches no mutex that is gone.
    static void abandon(RWMutex& mutex, RWWaiter& waiter) noexcept;

    std::span<Slot> slots() const noexcept { return {slots_.get(), slot_count_}; }
    /// Closes every slot for a writer; true where no reader is in.
    bool close_slots() noexcept MYNAH_REQUIRES(lock_);
    /// Closes every slot, or none where a reader is in.
    bool try_close_slots() noexcept MYNAH_REQUIRES(lock_);
    static void open(std::span<Slot> slots) noexcept;
    void grant(RWWaiter& waiter, internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock_);
    void admit_next_writer(internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock_);
    /// No writer is in or next: all readers that wait go in, and the writer that has waited longest is next.
    void hand_over(internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock_);

    std::size_t slot_count_;  // a power of two
    std::unique_ptr<Slot[]> slots_;
    internal::Atomic<std::int64_t> departing_{0};  // below zero while a writer adds up

    internal::SpinLock lock_;
    bool writing_ MYNAH_GUARDED_BY(lock_) = false;  // a writer is in or is next
    bool writer_in_ MYNAH_GUARDED_BY(lock_) = false;
    RWWaiter* next_writer_ MYNAH_GUARDED_BY(lock_) = nullptr;  // waits for the readers that are in
    internal::WaiterList readers_ MYNAH_GUARDED_BY(lock_);
    internal::WaiterList writers_ MYNAH_GUARDED_BY(lock_);
    internal::WaiterList granted_ MYNAH_GUARDED_BY(lock_);
};

}  // namespace mynah::conc
