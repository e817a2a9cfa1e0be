// channel.hpp -- typed FIFO between tasks.                          Go: chan T
//
// What     Channel<T>(n): n == 0 is a rendezvous, else n values are buffered. Channel<T>() is nil: it blocks for ever.
//          A Channel is a counted handle; copies are the same channel. Sender and Receiver are one direction of it.
// Threads  every member, from any worker. try_send, try_recv, close, size and capacity also from other threads: these
//          are not counted by the deadlock report, so something else must keep a waiting scheduler alive (a timer, a
//          blocking() call), and they must be done with the channel before run() returns.
// Order    a send synchronizes-before the recv that returns its value; the k-th recv of a channel of capacity n
//          synchronizes-before the completion of send k + n; close synchronizes-before a recv that reports it.
// Resume   on the scheduler, never inside send() or close().
// Cancel   awaits are cancel-safe: no value is lost or duplicated.
// Errors   recv on closed and drained: nullopt, at once and for ever; send on closed: Panic, also where it was waiting;
//          close of a nil or closed channel: Panic.
// Cost     one short lock, no allocation; try_send on a full and try_recv on an empty channel take none; close is
//          linear in waiters.
// Lifetime the handle lives until the await begins; once it waits, the await keeps the channel alive.
// Differs  from Go: T must be nothrow move constructible; a value leaves the sender when send() is called.
#pragma once

#include <coroutine>
#include <cstddef>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/channel_state.hpp"
#include "conc/internal/counted.hpp"
#include "conc/internal/promise.hpp"
#include "conc/select_case.hpp"

namespace mynah::conc {

enum class RecvError { empty, closed };

namespace internal {

class TimerState;

/// Waits for ever: an operation on a nil channel.
template <class Promise>
void park_for_ever(std::coroutine_handle<Promise> where, WaitReason reason) noexcept {
    park(where, reason);
}

template <class T>
class [[nodiscard]] RecvAwaiter {
  public:
    explicit RecvAwaiter(ChannelState<T>* channel) noexcept : channel_(channel) {}
    RecvAwaiter(const RecvAwaiter&) = delete;
    RecvAwaiter& operator=(const RecvAwaiter&) = delete;
    ~RecvAwaiter() {
        if (waiter_.task != nullptr) {
            channel_->leave_receivers(waiter_);
            end_wait();
        }
    }

    // Leaves the channel locked where it returns false: await_suspend follows at once and queues the waiter.
    bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_ == nullptr) {
            return false;
        }
        channel_->lock.lock();
        TaskRecord* woken = nullptr;
        if (!channel_->try_recv(value_, woken)) {
            return false;
        }
        channel_->lock.unlock();
        if (woken != nullptr) {
            make_ready(*woken);
        }
        return true;
    }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_ == nullptr) {
            park_for_ever(where, WaitReason::chan_receive_nil);
            return;
        }
        waiter_.task = &park(where, WaitReason::chan_receive);
        waiter_.slot = static_cast<void*>(&value_);
        ChannelState<T>& channel = *channel_;
        channel.retain();  // the handle may be gone before the wait is over
        channel.receivers.push(waiter_);
        channel.lock.unlock();  // the task may run elsewhere from here on
    }

    std::optional<T> await_resume() noexcept {
        if (waiter_.task != nullptr) {
            end_wait();
        }
        return std::move(value_);
    }

  private:
    void end_wait() noexcept {
        waiter_.task = nullptr;
        const auto owned = CountedPtr<ChannelState<T>>::adopt(channel_);
    }

    ChannelState<T>* channel_;  // the handle's; counted while waiter_.task says that it waits
    Waiter waiter_;
    std::optional<T> value_;
};

template <class T>
class [[nodiscard]] SendAwaiter {
  public:
    SendAwaiter(ChannelState<T>* channel, T value) noexcept : channel_(channel), value_(std::move(value)) {}
    SendAwaiter(const SendAwaiter&) = delete;
    SendAwaiter& operator=(const SendAwaiter&) = delete;
    ~SendAwaiter() {
        if (waiter_.task != nullptr) {
            channel_->leave_senders(waiter_);
            end_wait();
        }
    }

    // Leaves the channel locked where it returns false: await_suspend follows at once and queues the waiter.
    bool await_ready() noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_ == nullptr) {
            return false;
        }
        channel_->lock.lock();
        TaskRecord* woken = nullptr;
        if (channel_->closed.load(kRelaxed)) {
            waiter_.closed = true;
        } else if (!channel_->try_send(value_, woken)) {
            return false;
        }
        channel_->lock.unlock();
        if (woken != nullptr) {
            make_ready(*woken);
        }
        return true;
    }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> where) noexcept MYNAH_NO_THREAD_SAFETY_ANALYSIS {
        if (channel_ == nullptr) {
            park_for_ever(where, WaitReason::chan_send_nil);
            return;
        }
        waiter_.task = &park(where, WaitReason::chan_send);
        waiter_.slot = static_cast<void*>(&value_);
        ChannelState<T>& channel = *channel_;
        channel.retain();  // the handle may be gone before the wait is over
        channel.senders.push(waiter_);
        channel.lock.unlock();  // the task may run elsewhere from here on
    }

    void await_resume() {
        if (waiter_.task != nullptr) {
            end_wait();
        }
        if (waiter_.closed) {
            throw Panic("send on closed channel");
        }
    }

  private:
    void end_wait() noexcept {
        waiter_.task = nullptr;
        const auto owned = CountedPtr<ChannelState<T>>::adopt(channel_);
    }

    ChannelState<T>* channel_;  // the handle's; counted while waiter_.task says that it waits
    Waiter waiter_;
    T value_;
};

/// What Channel, Sender and Receiver share: the handle.
template <class T>
class ChannelHandle {
  public:
    /// Values buffered now; 0 for nil.
    std::size_t size() const noexcept { return state_ == nullptr ? 0 : state_->size(); }
    /// Values that can be buffered; 0 for nil.
    std::size_t capacity() const noexcept { return state_ == nullptr ? 0 : state_->capacity; }
    /// False for nil.
    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// Whether both are the same channel.
    friend bool operator==(const ChannelHandle&, const ChannelHandle&) = default;

  protected:
    ChannelHandle() = default;
    explicit ChannelHandle(CountedPtr<ChannelState<T>> state) noexcept : state_(std::move(state)) {}

    CountedPtr<ChannelState<T>> state_;

    template <class, class>
    friend class SendDirection;
    template <class, class>
    friend class RecvDirection;
};

/// The members of a handle that sends.
template <class Handle, class T>
class SendDirection {
  public:
    /// co_await: returns once the value is buffered or received.
    SendAwaiter<T> send(T value) const { return {state().get(), std::move(value)}; }

    /// False where send() would wait; `value` is untouched then.
    bool try_send(T&& value) const {
        TaskRecord* woken = nullptr;
        if (state() == nullptr || state()->surely_cannot_send() || !state()->try_send_locking(value, woken)) {
            return false;
        }
        if (woken != nullptr) {
            make_ready(*woken);
        }
        return true;
    }
    bool try_send(const T& value) const {
        T copy = value;
        return try_send(std::move(copy));
    }

    /// A case for select.
    SendCase<T> send_case(T value) const& {
        return SendCase<T>(BorrowedPtr<ChannelState<T>>(state().get()), std::move(value));
    }
    SendCase<T> send_case(T value) const&& {
        return SendCase<T>(BorrowedPtr<ChannelState<T>>(state()), std::move(value));
    }

    /// No more values will be sent. Waiting receivers get nullopt, waiting senders a Panic.
    void close() const {
        if (state() == nullptr) {
            throw Panic("close of nil channel");
        }
        state()->close();
    }

  private:
    const CountedPtr<ChannelState<T>>& state() const noexcept { return static_cast<const Handle*>(this)->state_; }
};

/// The members of a handle that receives.
template <class Handle, class T>
class RecvDirection {
  public:
    /// co_await: the next value; nullopt once the channel is closed and drained.
    RecvAwaiter<T> recv() const { return RecvAwaiter<T>(state().get()); }

    std::expected<T, RecvError> try_recv() const {
        if (state() == nullptr) {
            return std::unexpected(RecvError::empty);
        }
        std::optional<T> value;
        TaskRecord* woken = nullptr;
        if (state()->surely_cannot_recv() || !state()->try_recv_locking(value, woken)) {
            return std::unexpected(RecvError::empty);
        }
        if (woken != nullptr) {
            make_ready(*woken);
        }
        if (!value) {
            return std::unexpected(RecvError::closed);
        }
        return std::move(*value);
    }

    /// A case for select.
    RecvCase<T> recv_case() const& { return RecvCase<T>(BorrowedPtr<ChannelState<T>>(state().get())); }
    RecvCase<T> recv_case() const&& { return RecvCase<T>(BorrowedPtr<ChannelState<T>>(state())); }

  private:
    const CountedPtr<ChannelState<T>>& state() const noexcept { return static_cast<const Handle*>(this)->state_; }
};

}  // namespace internal

template <class T>
class Channel;

/// The sending direction of a channel.
template <class T>
class Sender : public internal::ChannelHandle<T>, public internal::SendDirection<Sender<T>, T> {
  public:
    Sender() = default;

  private:
    friend class Channel<T>;
    using internal::ChannelHandle<T>::ChannelHandle;
};

/// The receiving direction of a channel.
template <class T>
class Receiver : public internal::ChannelHandle<T>, public internal::RecvDirection<Receiver<T>, T> {
  public:
    Receiver() = default;

  private:
    friend class Channel<T>;
    friend class internal::TimerState;
    using internal::ChannelHandle<T>::ChannelHandle;
};

template <class T>
class Channel : public internal::ChannelHandle<T>,
                public internal::SendDirection<Channel<T>, T>,
                public internal::RecvDirection<Channel<T>, T> {
  public:
    /// A nil channel.
    Channel() = default;
    explicit Channel(std::size_t capacity) : internal::ChannelHandle<T>(internal::ChannelState<T>::make(capacity)) {}

    Sender<T> sender() const { return Sender<T>(this->state_); }
    Receiver<T> receiver() const { return Receiver<T>(this->state_); }
    operator Sender<T>() const { return sender(); }  // as in Go, a channel passes for either direction
    operator Receiver<T>() const { return receiver(); }
};

}  // namespace mynah::conc
