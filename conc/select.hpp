// select.hpp -- waits for the first of several things.              Go: select
//
// What     auto s = co_await select(a.recv_case(), b.send_case(v), ctx.done(), after(50ms)); s.index() says which case
//          was taken, s.get<0>() what it received. try_select(...) does not wait: index() == no_case when none is
//          ready, as with Go's default. select(std::span<Case>) takes as many cases as there are at run time.
// Threads  from any task; the cases belong to the call.
// Order    as the operation that was taken.
// Resume   on the scheduler.
// Cancel   cancel-safe: a case that was not taken has no effect, no value is lost or duplicated.
// Errors   a send case on a closed channel is ready, and throws Panic when taken. A case on a nil channel is never
//          ready; a select without cases waits for ever.
// Cost     one short lock for each channel, twice where it waits; no allocation, but for more than 16 cases in
//          a span, and where it waits with one channel in two cases.
// Differs  from Go: it returns an index and typed slots; there is no block for each case.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "conc/internal/promise.hpp"
#include "conc/internal/waiter.hpp"
#include "conc/select_case.hpp"

namespace mynah::conc {

/// The index of a try_select that found no case ready.
inline constexpr std::size_t no_case = std::numeric_limits<std::size_t>::max();

namespace internal {

/// Locks the channels of all cases, each once, in one order for everybody. Copies the locks, since the cases may be
/// gone when it unlocks: a task that was woken meanwhile cannot get past dequeue() before that.
class CaseLocks {
  public:
    explicit CaseLocks(std::span<CaseBase* const> cases);
    ~CaseLocks();
    CaseLocks(const CaseLocks&) = delete;
    CaseLocks& operator=(const CaseLocks&) = delete;

    /// Whether two cases have the same channel.
    bool shared() const noexcept { return shared_; }

  private:
    static constexpr std::size_t kInline = 16;
    std::array<SpinLock*, kInline> inline_{};
    std::unique_ptr<SpinLock*[]> heap_;
    std::span<SpinLock*> locks_;
    bool shared_ = false;
};

/// Takes one of the ready cases, each with the same probability; no_case when none is ready. The locks are held.
std::size_t take_ready_case(std::span<CaseBase* const> cases, TaskRecord*& woken) noexcept;

/// For cases of which two have the same channel: the one that is queued first will be taken, so chance decides.
std::vector<CaseBase*> in_random_order(std::span<CaseBase* const> cases);

/// The part of a select that does not depend on the cases' types.
class SelectAwaiter {
  public:
    SelectAwaiter(const SelectAwaiter&) = delete;
    SelectAwaiter& operator=(const SelectAwaiter&) = delete;

    bool await_ready() const noexcept { return false; }

    /// False where a case was taken at once.
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> where) {
        const CaseLocks locks(all_);
        TaskRecord* woken = nullptr;
        chosen_ = take_ready_case(all_, woken);
        if (chosen_ != no_case) {
            woken_ = woken;
            return false;
        }
        std::vector<CaseBase*> shuffled;
        if (locks.shared()) {
            shuffled = in_random_order(all_);
        }
        TaskRecord& task = park(where, all_.empty() ? WaitReason::select_no_cases : WaitReason::select);
        parked_ = true;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            all_[i]->prepare(task, selection_, static_cast<std::uint32_t>(i));
        }
        for (CaseBase* each : locks.shared() ? std::span<CaseBase* const>(shuffled) : all_) {
            each->enqueue();
        }
        return true;
    }

  protected:
    SelectAwaiter() = default;
    ~SelectAwaiter() = default;  // the class that owns the cases calls leave() before it destroys them

    /// The index of the case that was taken, with everything else undone; throws what the case throws.
    std::size_t finish() {
        if (woken_ != nullptr) {
            make_ready(*std::exchange(woken_, nullptr));
        }
        if (parked_) {
            chosen_ = selection_.winner();
            leave();
        }
        all_[chosen_]->finish();
        return chosen_;
    }

    void set_cases(std::span<CaseBase* const> cases) noexcept { all_ = cases; }

    void leave() noexcept {
        if (std::exchange(parked_, false)) {
            for (CaseBase* each : all_) {
                each->dequeue();
            }
        }
    }

  private:
    std::span<CaseBase* const> all_;
    Selection selection_;
    std::size_t chosen_ = no_case;
    TaskRecord* woken_ = nullptr;
    bool parked_ = false;
};

}  // namespace internal

/// The outcome of a select over cases of known types.
template <class... Cases>
class Selected {
  public:
    explicit Selected(std::size_t index) noexcept : index_(index) {}

    /// Which case was taken, from 0; no_case for a try_select that found none ready.
    std::size_t index() const noexcept { return index_; }

    /// What case I received: std::optional<T> for a recv case (nullopt: closed and drained, or not taken), else Unit.
    template <std::size_t I>
    auto& get() noexcept {
        return std::get<I>(results_);
    }

    std::tuple<typename Cases::Result...>& results() noexcept { return results_; }

  private:
    std::size_t index_;
    std::tuple<typename Cases::Result...> results_;
};

namespace internal {

template <class... Cases>
Selected<Cases...> collect_results(std::size_t index, std::tuple<Cases...>& cases) {
    Selected<Cases...> selected(index);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((I == index ? static_cast<void>(std::get<I>(selected.results()) = std::get<I>(cases).take())
                     : static_cast<void>(0)),
         ...);
    }(std::index_sequence_for<Cases...>());
    return selected;
}

template <class... Cases>
class [[nodiscard]] StaticSelect : public SelectAwaiter {
  public:
    explicit StaticSelect(Cases&&... cases) : cases_(std::move(cases)...) {
        std::size_t i = 0;
        std::apply([&](Cases&... each) { ((pointers_[i++] = &each), ...); }, cases_);
        set_cases(pointers_);
    }
    ~StaticSelect() { leave(); }
    StaticSelect(const StaticSelect&) = delete;
    StaticSelect& operator=(const StaticSelect&) = delete;

    Selected<Cases...> await_resume() {
        const std::size_t index = finish();
        return collect_results(index, cases_);
    }

  private:
    std::tuple<Cases...> cases_;
    std::array<CaseBase*, sizeof...(Cases)> pointers_{};
};

}  // namespace internal

template <class... Cases>
    requires(std::is_base_of_v<internal::CaseBase, Cases> && ...)
internal::StaticSelect<Cases...> select(Cases... cases) {
    return internal::StaticSelect<Cases...>(std::move(cases)...);
}

template <class... Cases>
    requires(std::is_base_of_v<internal::CaseBase, Cases> && ...)
Selected<Cases...> try_select(Cases... cases) {
    std::tuple<Cases...> held(std::move(cases)...);
    std::array<internal::CaseBase*, sizeof...(Cases)> pointers{};
    std::size_t i = 0;
    std::apply([&](Cases&... each) { ((pointers[i++] = &each), ...); }, held);
    internal::TaskRecord* woken = nullptr;
    std::size_t index = no_case;
    // One case can be looked at without its lock; several must be seen at one instant.
    if (sizeof...(Cases) != 1 || !pointers.front()->surely_not_ready()) {
        const internal::CaseLocks locks(pointers);
        index = internal::take_ready_case(pointers, woken);
    }
    if (woken != nullptr) {
        make_ready(*woken);
    }
    if (index != no_case) {
        pointers[index]->finish();
    }
    return internal::collect_results(index, held);
}

/// A case of any kind, for select(std::span<Case>).
class Case {
  public:
    template <class C>
        requires std::is_base_of_v<internal::CaseBase, C>
    Case(C c) : base_(std::make_unique<C>(std::move(c))) {
        base_->own();
    }

    /// What a recv case of Channel<T> received, once it was taken.
    template <class T>
    std::optional<T> take() {
        auto* recv = dynamic_cast<internal::RecvCase<T>*>(base_.get());
        if (recv == nullptr) {
            throw Panic("a case was asked for a value of another type");
        }
        return recv->take();
    }

    internal::CaseBase* base() const noexcept { return base_.get(); }

  private:
    std::unique_ptr<internal::CaseBase> base_;
};

namespace internal {

class [[nodiscard]] DynamicSelect : public SelectAwaiter {
  public:
    explicit DynamicSelect(std::span<Case> cases) {
        pointers_.reserve(cases.size());
        for (const Case& each : cases) {
            pointers_.push_back(each.base());
        }
        set_cases(pointers_);
    }
    ~DynamicSelect() { leave(); }
    DynamicSelect(const DynamicSelect&) = delete;
    DynamicSelect& operator=(const DynamicSelect&) = delete;

    std::size_t await_resume() { return finish(); }

  private:
    std::vector<CaseBase*> pointers_;
};

}  // namespace internal

/// co_await: the index of the case that was taken; the value is in cases[index].take<T>(). A Case is used once.
inline internal::DynamicSelect select(std::span<Case> cases) {
    return internal::DynamicSelect(cases);
}

}  // namespace mynah::conc
