#include "conc/select.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/internal/annotations.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "conc/scheduler.hpp"
#include "conc/select_case.hpp"

namespace mynah::conc {

internal::AfterCase after(Duration duration) noexcept {
    const TimePoint start = now();
    return internal::AfterCase(duration > TimePoint::max() - start ? TimePoint::max() : start + duration);
}

namespace internal {
namespace {

// A select may be tried from a thread without a worker too.
std::uint32_t random_below(std::uint32_t bound) noexcept {
    if (Worker* worker = this_worker(); worker != nullptr) {
        return worker->random().below(bound);
    }
    thread_local Random random(std::hash<const void*>{}(&random));
    return random.below(bound);
}

}  // namespace

// Clang's analysis cannot follow a list of locks.
CaseLocks::CaseLocks(std::span<CaseBase* const> cases) MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    SpinLock** first = inline_.data();
    if (cases.size() > kInline) {
        heap_ = std::make_unique<SpinLock*[]>(cases.size());
        first = heap_.get();
    }
    std::size_t count = 0;
    for (const CaseBase* each : cases) {
        if (SpinLock* lock = each->lock(); lock != nullptr) {
            first[count++] = lock;
        }
    }
    locks_ = {first, count};
    std::sort(locks_.begin(), locks_.end(), std::less<>());
    locks_ = locks_.first(static_cast<std::size_t>(std::unique(locks_.begin(), locks_.end()) - locks_.begin()));
    shared_ = locks_.size() < count;
    for (SpinLock* lock : locks_) {
        lock->lock();
    }
}

CaseLocks::~CaseLocks() MYNAH_NO_THREAD_SAFETY_ANALYSIS {
    for (SpinLock* lock : locks_) {
        lock->unlock();
    }
}

std::size_t take_ready_case(std::span<CaseBase* const> cases, TaskRecord*& woken) noexcept {
    for (;;) {
        // One pass with a reservoir of one: the k-th ready case replaces the choice with probability 1 / k.
        std::size_t chosen = no_case;
        std::uint32_t ready = 0;
        for (std::size_t i = 0; i < cases.size(); ++i) {
            if (cases[i]->ready()) {
                ++ready;
                if (ready == 1 || random_below(ready) == 0) {
                    chosen = i;
                }
            }
        }
        // The task on the other side may be taken by another of its cases meanwhile; then the case is not ready any
        // more.
        if (chosen == no_case || cases[chosen]->commit(woken)) {
            return chosen;
        }
    }
}

std::vector<CaseBase*> in_random_order(std::span<CaseBase* const> cases) {
    std::vector<CaseBase*> order(cases.begin(), cases.end());
    for (std::size_t left = order.size(); left > 1; --left) {
        std::swap(order[left - 1], order[random_below(static_cast<std::uint32_t>(left))]);
    }
    return order;
}

bool AfterCase::ready() const noexcept {
    return deadline_ <= now();
}

void AfterCase::enqueue() noexcept {
    waiter_.task->worker->arm(*this, deadline_);
}

}  // namespace internal
}  // namespace mynah::conc
