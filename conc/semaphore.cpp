#include "conc/semaphore.hpp"

#include <cstdint>
#include <memory>

#include "conc/internal/annotations.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/panic.hpp"

namespace mynah::conc {

using internal::SpinGuard;
using internal::Waiter;
using internal::WakeList;

Semaphore::Semaphore(std::int64_t permits) : state_(std::make_shared<State>(permits)) {
    if (permits < 0) {
        throw Panic("a semaphore with fewer than no permits");
    }
}

bool Semaphore::AcquireAwaiter::await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    state_->lock.lock();
    if (!state_->try_take(request_.count)) {
        return false;
    }
    state_->lock.unlock();
    return true;
}

bool Semaphore::try_acquire(std::int64_t count) {
    if (count < 0) {
        throw Panic("an acquire of fewer than no permits");
    }
    const SpinGuard guard(state_->lock);
    return state_->try_take(count);
}

void Semaphore::release(std::int64_t count) {
    if (count < 0) {
        throw Panic("a release of fewer than no permits");
    }
    WakeList woken;  // wakes when it goes out of scope, after the lock
    const SpinGuard guard(state_->lock);
    if (count > state_->total_permits - state_->free_permits) {
        throw Panic("a release of more permits than are taken");
    }
    state_->free_permits += count;
    state_->serve(woken);
}

void Semaphore::State::check(std::int64_t count) const {
    if (count < 0) {
        throw Panic("an acquire of fewer than no permits");
    }
    if (count > total_permits) {
        throw Panic("an acquire of more permits than the semaphore has");
    }
}

bool Semaphore::State::try_take(std::int64_t count) noexcept {
    if (!can_take(count)) {
        return false;
    }
    free_permits -= count;
    return true;
}

Waiter* Semaphore::State::first_to_serve() noexcept {
    const auto lost = [](const Waiter& waiter) {
        return waiter.selection != nullptr && waiter.selection->winner() != internal::Selection::kNone;
    };
    while (waiters.front() != nullptr && lost(*waiters.front())) {
        waiters.remove(*waiters.front());  // another case was taken: it must not hold up those behind it
    }
    Waiter* const first = waiters.front();
    for (Waiter* waiter = first; waiter != nullptr; waiter = waiter->next) {
        // The cases of one select were queued together, under the lock.
        if (waiter != first && (first->selection == nullptr || waiter->selection != first->selection)) {
            break;
        }
        if (static_cast<const Request*>(waiter->slot)->count <= free_permits) {
            return waiter;
        }
    }
    return nullptr;
}

void Semaphore::State::serve(WakeList& woken) noexcept {
    while (Waiter* waiter = first_to_serve()) {
        waiters.remove(*waiter);
        if (waiter->claim()) {
            auto& request = *static_cast<Request*>(waiter->slot);
            free_permits -= request.count;
            request.granted = true;
            woken.push(*waiter->task);
        }
    }
}

void Semaphore::State::abandon(Waiter& waiter, const Request& request) noexcept {
    WakeList woken;
    const SpinGuard guard(lock);
    if (request.granted) {
        free_permits += request.count;
    } else if (waiter.queued) {
        waiters.remove(waiter);
    } else {
        return;  // taken off by whoever saw that another case had won
    }
    serve(woken);
}

}  // namespace mynah::conc
