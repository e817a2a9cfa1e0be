#include "conc/context.hpp"

#include <algorithm>
#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <typeindex>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/go.hpp"
#include "conc/internal/channel_state.hpp"
#include "conc/internal/context_state.hpp"
#include "conc/internal/counted.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"
#include "conc/scheduler.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"

namespace mynah::conc {
namespace {

class ContextErrorCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "context"; }
    std::string message(int value) const override {
        return static_cast<ContextError>(value) == ContextError::canceled ? "context canceled"
                                                                          : "context deadline exceeded";
    }
};

}  // namespace

std::error_code make_error_code(ContextError error) noexcept {
    static const ContextErrorCategory category;
    return {static_cast<int>(error), category};
}

namespace internal {

ContextState::ContextState(Kind kind, std::shared_ptr<ContextState> parent)
    : kind_(kind),
      parent_(std::move(parent)),
      done_(kind == Kind::cancelable ? ChannelState<Unit>::make(0) : CountedPtr<ChannelState<Unit>>()) {}

ContextState::~ContextState() {
    disarm();
    while (unlink_first() != nullptr) {  // functions that will never run; children would have kept this alive
    }
    if (ContextState* above = parent_ == nullptr ? nullptr : parent_->cancelable(); above != nullptr) {
        above->forget(*this);
    }
}

ContextState* ContextState::cancelable() noexcept {
    for (ContextState* state = this; state != nullptr; state = state->parent_.get()) {
        if (state->kind_ == Kind::cancelable) {
            return state;
        }
        if (state->kind_ == Kind::detached) {
            return nullptr;
        }
    }
    return nullptr;
}

void ContextState::cancel(std::error_code error, std::error_code cause) noexcept {
    {
        WakeList woken;  // wakes when it goes out of scope, after the lock
        const SpinGuard guard(lock_);
        if (error_) {
            return;  // the first one wins
        }
        error_ = error;
        cause_ = cause ? cause : error;
        cause = cause_;
        done_->try_close(woken);
    }
    disarm();
    tell_listeners(error, cause);
    if (ContextState* above = parent_ == nullptr ? nullptr : parent_->cancelable(); above != nullptr) {
        above->forget(*this);
    }
}

void ContextState::tell_listeners(std::error_code error, std::error_code cause) noexcept {
    for (;;) {
        std::shared_ptr<CancelListener> listener;  // released without the lock: it may be the last handle
        std::shared_ptr<CancelListener> kept;
        {
            const SpinGuard guard(lock_);
            if (listeners_ == nullptr) {
                return;
            }
            listener = listeners_->self_.lock();
            kept = unlink(*listeners_);
        }
        if (listener != nullptr) {
            listener->parent_canceled(error, cause);
        }
    }
}

std::error_code ContextState::error() noexcept {
    ContextState* state = cancelable();
    if (state == nullptr) {
        return {};
    }
    const SpinGuard guard(state->lock_);
    return state->error_;
}

std::error_code ContextState::cause() noexcept {
    ContextState* state = cancelable();
    if (state == nullptr) {
        return {};
    }
    const SpinGuard guard(state->lock_);
    return state->cause_;
}

std::optional<TimePoint> ContextState::deadline() const noexcept {
    for (const ContextState* state = this; state != nullptr && state->kind_ != Kind::detached;
         state = state->parent_.get()) {
        if (state->deadline_) {
            return state->deadline_;
        }
    }
    return std::nullopt;
}

const std::any* ContextState::find_value(std::type_index key) const noexcept {
    for (const ContextState* state = this; state != nullptr; state = state->parent_.get()) {
        if (state->key_ == key) {
            return &state->value_;
        }
    }
    return nullptr;
}

ChannelState<Unit>* ContextState::done_channel() noexcept {
    ContextState* state = cancelable();
    return state == nullptr ? nullptr : state->done_.get();
}

void ContextState::listen(const std::shared_ptr<CancelListener>& listener, bool keep) noexcept {
    std::error_code error;
    std::error_code cause;
    {
        const SpinGuard guard(lock_);
        if (!error_) {
            listener->self_ = listener;
            listener->kept_ = keep ? listener : nullptr;
            listener->previous_ = nullptr;
            listener->next_ = listeners_;
            if (listeners_ != nullptr) {
                listeners_->previous_ = listener.get();
            }
            listeners_ = listener.get();
            listener->linked_ = true;
            return;
        }
        error = error_;
        cause = cause_;
    }
    listener->parent_canceled(error, cause);
}

bool ContextState::forget(CancelListener& listener) noexcept {
    std::shared_ptr<CancelListener> kept;  // released without the lock
    const SpinGuard guard(lock_);
    if (!listener.linked_) {
        return false;
    }
    kept = unlink(listener);
    return true;
}

std::shared_ptr<CancelListener> ContextState::unlink_first() noexcept {
    const SpinGuard guard(lock_);
    return listeners_ == nullptr ? nullptr : unlink(*listeners_);
}

std::shared_ptr<CancelListener> ContextState::unlink(CancelListener& listener) noexcept {
    (listener.previous_ == nullptr ? listeners_ : listener.previous_->next_) = listener.next_;
    if (listener.next_ != nullptr) {
        listener.next_->previous_ = listener.previous_;
    }
    listener.linked_ = false;
    return std::move(listener.kept_);
}

void ContextState::attach_to_parent() {
    if (ContextState* above = parent_->cancelable(); above != nullptr) {
        above->listen(shared_from_this(), false);
    }
}

void ContextState::set_deadline(TimePoint deadline) {
    deadline_ = std::min(deadline, parent_->deadline().value_or(TimePoint::max()));
}

void ContextState::arm_deadline() {
    if (error() || deadline_ == TimePoint::max()) {
        return;
    }
    if (*deadline_ <= now()) {
        cancel(ContextError::deadline_exceeded, {});
        return;
    }
    require_worker("with_deadline").arm(*this, *deadline_);
    if (error()) {
        disarm();  // cancelled meanwhile, before there was a timer to stop
    }
}

void ContextState::set_value(std::type_index key, std::any value) {
    key_ = key;
    value_ = std::move(value);
}

// Under the heap's lock. Where the last handle is gone already, the destructor waits for that lock to disarm.
void ContextState::expire(WakeList& woken) noexcept {
    if (std::shared_ptr<ContextState> self = weak_from_this().lock(); self != nullptr) {
        woken.push(std::shared_ptr<Deferred>(std::move(self), this));
    }
}

namespace {

/// A new node below `parent`.
std::shared_ptr<ContextState> make_below(const Context& parent, ContextState::Kind kind) {
    if (parent.state() == nullptr) {
        throw Panic("cannot make a context from a nil parent");
    }
    return std::make_shared<ContextState>(kind, parent.state());
}

}  // namespace

Context with_any(const Context& parent, std::type_index key, std::any value) {
    auto state = make_below(parent, ContextState::Kind::value);
    state->set_value(key, std::move(value));
    return Context(std::move(state));
}

namespace {

class AfterFunc final : public CancelListener {
  public:
    explicit AfterFunc(std::move_only_function<Task<void>()> fn) : fn_(std::move(fn)) {}
    void parent_canceled(std::error_code /*error*/, std::error_code /*cause*/) noexcept override { go(std::move(fn_)); }

  private:
    std::move_only_function<Task<void>()> fn_;
};

}  // namespace
}  // namespace internal

using internal::ContextState;
using internal::make_below;

Context Context::background() {
    static const auto root = std::make_shared<ContextState>(ContextState::Kind::background, nullptr);
    return Context(root);
}

internal::RecvCase<Unit> Context::done() const& {
    return internal::RecvCase<Unit>(internal::BorrowedPtr(state_->done_channel()));
}

internal::RecvCase<Unit> Context::done() const&& {
    return internal::RecvCase<Unit>(
        internal::BorrowedPtr(internal::CountedPtr<internal::ChannelState<Unit>>::share(state_->done_channel())));
}

std::error_code Context::err() const noexcept {
    return state_->error();
}

std::error_code Context::cause() const noexcept {
    return state_->cause();
}

std::optional<TimePoint> Context::deadline() const noexcept {
    return state_->deadline();
}

const std::any* Context::find_value(std::type_index key) const noexcept {
    return state_->find_value(key);
}

void CancelFunc::operator()(std::error_code cause) const noexcept {
    state_->cancel(ContextError::canceled, cause);
}

CancelableContext with_cancel(const Context& parent) {
    auto state = make_below(parent, ContextState::Kind::cancelable);
    state->attach_to_parent();
    return {.ctx = Context(state), .cancel = CancelFunc(state)};
}

CancelableContext with_cancel_cause(const Context& parent) {
    return with_cancel(parent);
}

CancelableContext with_deadline(const Context& parent, TimePoint deadline) {
    auto state = make_below(parent, ContextState::Kind::cancelable);
    state->set_deadline(deadline);
    state->attach_to_parent();
    state->arm_deadline();
    return {.ctx = Context(state), .cancel = CancelFunc(state)};
}

CancelableContext with_timeout(const Context& parent, Duration timeout) {
    const TimePoint start = now();
    return with_deadline(parent, timeout > TimePoint::max() - start ? TimePoint::max() : start + timeout);
}

Context without_cancel(const Context& parent) {
    return Context(make_below(parent, ContextState::Kind::detached));
}

std::move_only_function<bool()> after_func(const Context& ctx, std::move_only_function<Task<void>()> fn) {
    auto listener = std::make_shared<internal::AfterFunc>(std::move(fn));
    if (ctx.state()->cancelable() != nullptr) {
        ctx.state()->cancelable()->listen(listener, true);
    }
    return [state = ctx.state(), listener] {
        ContextState* above = state->cancelable();
        return above != nullptr && above->forget(*listener);
    };
}

}  // namespace mynah::conc
