// context_state.hpp -- the node behind a Context.                   Go: cancelCtx, timerCtx, valueCtx
//
// Invariants:
// - error_ is set once, and done_ is closed, under one hold of lock_: nobody sees one without the other. Only then do
//   the children hear of it.
// - A function that waits for a cancel is kept by the context; a child is not, it keeps its parent.
// - A node is linked in its parent's list from its making until one of both is cancelled or the node is destroyed.
// - Locks are taken parent before child, and a context's before its channel's. A node that leaves its parent holds its
//   own lock no more.
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <system_error>
#include <typeindex>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/timer_heap.hpp"

namespace mynah::conc::internal {

/// Whatever is to hear of a cancel: a child context, or a function.
class CancelListener {
  public:
    CancelListener() = default;
    CancelListener(const CancelListener&) = delete;
    CancelListener& operator=(const CancelListener&) = delete;
    virtual ~CancelListener() = default;

    /// Called once, without any lock held.
    virtual void parent_canceled(std::error_code error, std::error_code cause) noexcept = 0;

  private:
    friend class ContextState;
    // Guarded by the lock of the context that it listens to.
    std::weak_ptr<CancelListener> self_;
    std::shared_ptr<CancelListener> kept_;  // itself, while it is linked and nobody else needs to hold it
    CancelListener* previous_ = nullptr;
    CancelListener* next_ = nullptr;
    bool linked_ = false;
};

class ContextState final : public CancelListener,
                           private TimerNode,
                           private Deferred,
                           public std::enable_shared_from_this<ContextState> {
  public:
    enum class Kind { background, cancelable, value, detached };

    ContextState(Kind kind, std::shared_ptr<ContextState> parent);
    ~ContextState() override;

    /// The nearest ancestor, or this, that can be cancelled; nullptr: none.
    ContextState* cancelable() noexcept;

    void cancel(std::error_code error, std::error_code cause) noexcept;
    std::error_code error() noexcept;
    std::error_code cause() noexcept;
    std::optional<TimePoint> deadline() const noexcept;
    const std::any* find_value(std::type_index key) const noexcept;
    /// Lives as long as this does; nullptr: it is never cancelled.
    ChannelState<Unit>* done_channel() noexcept;

    /// Tells the listener once, when this is cancelled; at once where it is already. Must be cancelable. With `keep`
    /// the listener lives at least until then.
    void listen(const std::shared_ptr<CancelListener>& listener, bool keep) noexcept;
    /// True where the listener was still linked, and so will not be told.
    bool forget(CancelListener& listener) noexcept;

    void attach_to_parent();
    void set_deadline(TimePoint deadline);
    /// Once the context is complete: it may be cancelled before this returns.
    void arm_deadline();
    void set_value(std::type_index key, std::any value);

    void parent_canceled(std::error_code error, std::error_code cause) noexcept override { cancel(error, cause); }

  private:
    // The deadline has come: the rest is done by run(), without the heap's lock. It is armed once, so that comes once.
    void expire(WakeList& woken) noexcept override;
    void run() noexcept override { cancel(ContextError::deadline_exceeded, {}); }

    /// Returns what kept the listener alive, to be released without the lock.
    std::shared_ptr<CancelListener> unlink(CancelListener& listener) noexcept MYNAH_REQUIRES(lock_);
    std::shared_ptr<CancelListener> unlink_first() noexcept;
    void tell_listeners(std::error_code error, std::error_code cause) noexcept;

    const Kind kind_;
    const std::shared_ptr<ContextState> parent_;
    std::optional<std::type_index> key_;  // constant once made, like value_ and deadline_
    std::any value_;
    std::optional<TimePoint> deadline_;
    CountedPtr<ChannelState<Unit>> done_;  // constant; nullptr where it cannot be cancelled itself

    SpinLock lock_;
    std::error_code error_ MYNAH_GUARDED_BY(lock_);
    std::error_code cause_ MYNAH_GUARDED_BY(lock_);
    CancelListener* listeners_ MYNAH_GUARDED_BY(lock_) = nullptr;
};

}  // namespace mynah::conc::internal
