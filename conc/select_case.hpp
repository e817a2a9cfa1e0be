// select_case.hpp -- what a select waits for.                       Go: the cases of a select statement
//
// What     ch.recv_case(), ch.send_case(v), ctx.done() and after(d) make cases; select.hpp takes them.
// Threads  a case belongs to the task that selects on it.
// Lifetime a case that a named handle made is selected on while that handle lives; once it waits, and in a Case, it
//          keeps the channel alive by itself.
// Cancel   a send case that was not chosen still holds its value.
// Cost     a few words in the frame of the selecting task.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/channel_state.hpp"
#include "conc/internal/counted.hpp"
#include "conc/internal/timer_heap.hpp"
#include "conc/internal/waiter.hpp"

namespace mynah::conc {

/// What a recv case of a channel without values yields (a context's done()).
struct Unit {
    friend bool operator==(Unit, Unit) = default;
};

namespace internal {

/// One case. select() calls, with the channels of all cases locked: ready() and commit() until one case is taken, or
/// else enqueue() on each; and dequeue(), which takes the lock itself, once the task was woken.
class CaseBase {
  public:
    virtual ~CaseBase() = default;

    /// What guards the case's channel; nullptr for a nil channel and for a timer.
    virtual SpinLock* lock() const noexcept = 0;
    virtual bool ready() const noexcept = 0;
    /// Without the lock: true only where ready() would have been false at a moment of this call.
    virtual bool surely_not_ready() const noexcept { return false; }
    /// Takes the case where it is still ready; `woken` is the task on the other side, if there is one.
    virtual bool commit(TaskRecord*& woken) noexcept = 0;
    virtual void enqueue() noexcept = 0;
    virtual void dequeue() noexcept = 0;
    /// Keeps what it waits for alive by itself: until it waits, a case leans on the handle that made it.
    virtual void own() noexcept {}
    /// The case was chosen; throws what the operation would throw.
    virtual void finish() {}

    void prepare(TaskRecord& task, Selection& selection, std::uint32_t index) noexcept {
        waiter_.task = &task;
        waiter_.selection = &selection;
        waiter_.index = index;
    }

  protected:
    CaseBase() = default;
    // A case moves only before it is selected on: its waiter stays behind.
    CaseBase(CaseBase&& /*other*/) noexcept {}

    Waiter waiter_;
};

}  // namespace internal
}  // namespace mynah::conc

namespace mynah::conc::internal {

template <class T>
class RecvCase final : public CaseBase {
  public:
    using Result = std::optional<T>;

    explicit RecvCase(BorrowedPtr<ChannelState<T>> channel) noexcept : channel_(std::move(channel)) {}
    RecvCase(RecvCase&&) noexcept = default;

    SpinLock* lock() const noexcept override { return channel_.get() == nullptr ? nullptr : &channel_->lock; }
    bool ready() const noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        return channel_.get() != nullptr && channel_->can_recv();
    }
    bool commit(TaskRecord*& woken) noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        return channel_->try_recv(value_, woken);
    }
    void enqueue() noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_.get() != nullptr) {
            own();
            waiter_.slot = static_cast<void*>(&value_);
            channel_->receivers.push(waiter_);
        }
    }
    void dequeue() noexcept override {
        if (channel_.get() != nullptr) {
            channel_->leave_receivers(waiter_);
        }
    }

    bool surely_not_ready() const noexcept override {
        return channel_.get() == nullptr || channel_->surely_cannot_recv();
    }
    void own() noexcept override { channel_.own(); }

    Result take() noexcept { return std::move(value_); }

  private:
    BorrowedPtr<ChannelState<T>> channel_;
    std::optional<T> value_;
};

template <class T>
class SendCase final : public CaseBase {
  public:
    using Result = Unit;

    SendCase(BorrowedPtr<ChannelState<T>> channel, T value) noexcept
        : channel_(std::move(channel)), value_(std::move(value)) {}
    SendCase(SendCase&&) noexcept = default;

    SpinLock* lock() const noexcept override { return channel_.get() == nullptr ? nullptr : &channel_->lock; }
    bool ready() const noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        return channel_.get() != nullptr && channel_->can_send();
    }
    bool commit(TaskRecord*& woken) noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_->closed.load(kRelaxed)) {
            waiter_.closed = true;
            return true;
        }
        return channel_->try_send(value_, woken);
    }
    void enqueue() noexcept override MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_.get() != nullptr) {
            own();
            waiter_.slot = static_cast<void*>(&value_);
            channel_->senders.push(waiter_);
        }
    }
    void dequeue() noexcept override {
        if (channel_.get() != nullptr) {
            channel_->leave_senders(waiter_);
        }
    }
    void finish() override {
        if (waiter_.closed) {
            throw Panic("send on closed channel");
        }
    }

    bool surely_not_ready() const noexcept override {
        return channel_.get() == nullptr || channel_->surely_cannot_send();
    }
    void own() noexcept override { channel_.own(); }

    Result take() const noexcept { return {}; }

  private:
    BorrowedPtr<ChannelState<T>> channel_;
    T value_;
};

/// Ready once a time has come.
class AfterCase final : public CaseBase, private TimerNode {
  public:
    using Result = Unit;

    explicit AfterCase(TimePoint deadline) noexcept : deadline_(deadline) {}
    AfterCase(AfterCase&& other) noexcept : CaseBase(static_cast<CaseBase&&>(other)), deadline_(other.deadline_) {}

    SpinLock* lock() const noexcept override { return nullptr; }
    bool ready() const noexcept override;
    bool commit(TaskRecord*& /*woken*/) noexcept override { return true; }
    void enqueue() noexcept override;
    void dequeue() noexcept override { disarm(); }

    Result take() const noexcept { return {}; }

  private:
    void expire(WakeList& woken) noexcept override {
        if (waiter_.claim()) {
            woken.push(*waiter_.task);
        }
    }

    TimePoint deadline_;
};

}  // namespace mynah::conc::internal

namespace mynah::conc {

/// A case that is ready once `duration` has passed since this call. Go: time.After
internal::AfterCase after(Duration duration) noexcept;

}  // namespace mynah::conc
