// semaphore.hpp -- a number of permits that tasks share.            Go: golang.org/x/sync/semaphore
//
// What     co_await sem.acquire(n) takes n permits, release(n) gives them back. sem.acquire_case(n) is the same as a
//          case of select: with ctx.done() or after(d) beside it, an acquire can be given up.
// Threads  every member, from any worker; whoever releases need not be who acquired.
// Order    a release() synchronizes-before the return of every acquire() that its permits serve.
// Resume   on the scheduler, in order of arrival: a large acquire is not overtaken by small ones behind it.
// Cancel   cancel-safe: an acquire that is given up takes nothing, and whoever it kept waiting goes on.
// Errors   Panic for a count below zero, for an acquire() or acquire_case() of more than there are in all (it could
//          never be served), and for a release of more than are taken.
// Cost     one short lock each.
// Lifetime longer than the permits that are out. Whoever took the last may destroy it.
// Differs  from x/sync: acquire() takes no context; select does. The cases of one select stand in one place of the
//          order: where the first cannot be served, another may be.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <utility>

#include "conc/internal/promise.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/select_case.hpp"

namespace mynah::conc {

class Semaphore {
  public:
    class [[nodiscard]] AcquireAwaiter;
    class [[nodiscard]] AcquireCase;

    /// All `permits` are free.
    explicit Semaphore(std::int64_t permits);
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    /// co_await: returns once `count` permits are the caller's.
    AcquireAwaiter acquire(std::int64_t count = 1);
    AcquireCase acquire_case(std::int64_t count = 1);
    /// True where `count` permits were free and nobody waits: they are the caller's. Never for more than there are.
    bool try_acquire(std::int64_t count = 1);
    void release(std::int64_t count = 1);

  private:
    /// What a waiter's slot points to.
    struct Request {
        std::int64_t count;
        bool granted = false;
    };

    // Counted: a waiter that the scheduler destroys at the end may refer to it when its semaphore is gone.
    struct State {
        explicit State(std::int64_t permits) noexcept : total_permits(permits), free_permits(permits) {}

        /// Throws where an acquire of `count` could never be served.
        void check(std::int64_t count) const;
        bool can_take(std::int64_t count) const noexcept MYNAH_REQUIRES(lock) {
            return waiters.empty() && count <= free_permits;
        }
        bool try_take(std::int64_t count) noexcept MYNAH_REQUIRES(lock);
        /// Whose turn it is: of the waiters of the task that has waited longest, the first that the free permits
        /// serve; nullptr where there is none.
        internal::Waiter* first_to_serve() noexcept MYNAH_REQUIRES(lock);
        /// Serves waiters from the first on, as far as the free permits go.
        void serve(internal::WakeList& woken) noexcept MYNAH_REQUIRES(lock);
        /// An acquire that was given up: takes it off the list, or gives back what it has.
        void abandon(internal::Waiter& waiter, const Request& request) noexcept;

        const std::int64_t total_permits;
        internal::SpinLock lock;
        std::int64_t free_permits MYNAH_GUARDED_BY(lock);
        internal::WaiterList waiters MYNAH_GUARDED_BY(lock);
    };

    std::shared_ptr<State> state_;
};

class [[nodiscard]] Semaphore::AcquireAwaiter {
  public:
    AcquireAwaiter(const std::shared_ptr<State>& state, std::int64_t count) noexcept : state_(state), request_{count} {}
    ~AcquireAwaiter() {
        if (waiter_.task != nullptr) {
            kept_while_waiting_->abandon(waiter_, request_);
        }
    }
    AcquireAwaiter(const AcquireAwaiter&) = delete;
    AcquireAwaiter& operator=(const AcquireAwaiter&) = delete;

    // Leaves the inner lock held where it returns false: await_suspend follows at once and queues the waiter.
    bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS;
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        waiter_.task = &internal::park(where, internal::WaitReason::semaphore);
        waiter_.slot = &request_;
        kept_while_waiting_ = state_;
        State* state = state_.get();
        state->waiters.push(waiter_);
        state->lock.unlock();  // the task may run elsewhere from here on
    }
    void await_resume() noexcept { waiter_.task = nullptr; }

  private:
    const std::shared_ptr<State>& state_;        // the semaphore's own: one that need not wait counts nothing
    std::shared_ptr<State> kept_while_waiting_;  // the semaphore may be gone when the scheduler destroys the task
    Request request_;
    internal::Waiter waiter_;
};

/// A case of select that is ready once its permits can be had; they are the caller's where it was taken.
class [[nodiscard]] Semaphore::AcquireCase final : public internal::CaseBase {
  public:
    using Result = Unit;

    AcquireCase(std::shared_ptr<State> state, std::int64_t count) noexcept
        : state_(std::move(state)), request_{count} {}
    AcquireCase(AcquireCase&&) noexcept = default;
    // The permits of a task that was destroyed between its wake-up and its turn.
    ~AcquireCase() override {
        if (request_.granted) {
            state_->abandon(waiter_, request_);
        }
    }

    internal::SpinLock* lock() const noexcept override { return &state_->lock; }
    bool ready() const noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS { return state_->can_take(request_.count); }
    bool commit(internal::TaskRecord*& /*woken*/) noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        request_.granted = state_->try_take(request_.count);
        return request_.granted;
    }
    void enqueue() noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        waiter_.slot = &request_;
        state_->waiters.push(waiter_);
    }
    void dequeue() noexcept override {
        if (!request_.granted) {
            state_->abandon(waiter_, request_);
        }
    }
    void finish() override { request_.granted = false; }  // the caller's from now on

    Result take() const noexcept { return {}; }

  private:
    std::shared_ptr<State> state_;
    Request request_;
};

inline Semaphore::AcquireAwaiter Semaphore::acquire(std::int64_t count) {
    state_->check(count);
    return {state_, count};
}

inline Semaphore::AcquireCase Semaphore::acquire_case(std::int64_t count) {
    state_->check(count);
    return {state_, count};
}

}  // namespace mynah::conc
