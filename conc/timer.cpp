#include "conc/timer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "conc/channel.hpp"
#include "conc/event_source.hpp"
#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/channel_state.hpp"
#include "conc/internal/counted.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/timer_heap.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"
#include "conc/sleep.hpp"

namespace mynah::conc {
namespace internal {

/// Invariants:
/// - A node expires under its heap's lock, where it may take no channel's: the value is sent right after, by run().
/// - `epoch_` changes with every stop and reset, under lock_; what expired in an earlier epoch sends nothing.
/// - Each expiry is sent once, by the first run() after it: where a later expiry of a timer that was reset comes before
///   the run() of an earlier one, the later counts. It is on a WakeList only while expired_ says so, hence on one.
class TimerState final : private TimerNode, public Deferred, public std::enable_shared_from_this<TimerState> {
  public:
    ~TimerState() override { disarm(); }

    Receiver<TimePoint> channel() const noexcept { return Receiver<TimePoint>(channel_); }

    /// Arms it anew; with a period it fires again and again. True where something was stopped by that.
    bool arm(Worker& worker, TimePoint deadline, Duration period);
    bool stop() noexcept;

    /// Sends the value of the last expiry.
    void run() noexcept override;

  private:
    static constexpr std::uint64_t kNone = 0;

    void expire(WakeList& woken) noexcept override;
    bool stop_locked() noexcept MYNAH_REQUIRES(lock_);

    const CountedPtr<ChannelState<TimePoint>> channel_ = ChannelState<TimePoint>::make(1);
    SpinLock lock_;  // taken before the heap's and the channel's
    Duration period_ MYNAH_GUARDED_BY(lock_) = Duration::zero();
    TimePoint due_ MYNAH_GUARDED_BY(lock_);
    bool pending_ MYNAH_GUARDED_BY(lock_) = false;  // armed, or expired and about to fire
    Atomic<std::uint64_t> epoch_{kNone + 1};        // written under lock_; read by expire(), under the heap's
    Atomic<std::uint64_t> expired_{kNone};          // the epoch of an expiry that run() has not seen
};

void TimerState::expire(WakeList& woken) noexcept {
    // Whoever stops it from here on finds it expired, and changes the epoch after that.
    if (expired_.exchange(epoch_.load(kRelaxed), kAcqRel) != kNone) {
        return;  // an earlier expiry still waits for its run(), which serves this one, too
    }
    // Where the last handle is gone already, the destructor waits for the heap's lock to disarm. Nor may this handle be
    // the last one to go while the lock is held, so it is only ever given away.
    if (std::shared_ptr<TimerState> self = weak_from_this().lock(); self != nullptr) {
        woken.push(std::move(self));
    }
}

void TimerState::run() noexcept {
    WakeList woken;  // wakes when it goes out of scope, after the locks
    const SpinGuard guard(lock_);
    if (expired_.exchange(kNone, kAcqRel) != epoch_.load(kRelaxed) || !pending_) {
        return;
    }
    TimePoint time = now();
    if (period_ > Duration::zero()) {
        // Beats that were missed are left out; the next keeps the rhythm.
        const auto missed = (time - due_) / period_;
        due_ += period_ * (missed + 1);
        require_worker("Ticker").arm(*this, due_);
    } else {
        pending_ = false;
    }
    TaskRecord* receiver = nullptr;
    (void)channel_->try_send_locking(time, receiver);  // full: the receiver is slow, and has a tick to receive
    if (receiver != nullptr) {
        woken.push(*receiver);
    }
}

bool TimerState::arm(Worker& worker, TimePoint deadline, Duration period) {
    const SpinGuard guard(lock_);
    const bool stopped = stop_locked();
    period_ = period;
    due_ = deadline;
    worker.arm(*this, deadline);  // may throw: then it is stopped
    pending_ = true;              // before it can fire, which needs lock_
    return stopped;
}

bool TimerState::stop() noexcept {
    const SpinGuard guard(lock_);
    return stop_locked();
}

bool TimerState::stop_locked() noexcept {
    disarm();
    epoch_.store(epoch_.load(kRelaxed) + 1, kRelaxed);
    std::optional<TimePoint> unreceived;
    TaskRecord* sender = nullptr;  // nobody but run() sends, and that never waits
    channel_->try_recv_locking(unreceived, sender);
    return std::exchange(pending_, false) || unreceived;
}

namespace {

TimePoint from_now(Duration duration) noexcept {
    const TimePoint start = now();
    return duration > TimePoint::max() - start ? TimePoint::max() : start + duration;
}

Duration checked(Duration period) {
    if (period <= Duration::zero()) {
        throw Panic("non-positive interval for a Ticker");
    }
    return period;
}

}  // namespace
}  // namespace internal

using internal::checked;
using internal::from_now;
using internal::require_worker;
using internal::TimerState;

Timer::Timer(Duration duration) : state_(std::make_shared<TimerState>()) {
    reset(duration);
}

Receiver<TimePoint> Timer::channel() const noexcept {
    return state_->channel();
}

bool Timer::stop() noexcept {
    return state_->stop();
}

bool Timer::reset(Duration duration) {
    return state_->arm(require_worker("Timer"), from_now(duration), Duration::zero());
}

Ticker::Ticker(Duration period) : state_(std::make_shared<TimerState>()) {
    reset(period);
}

Receiver<TimePoint> Ticker::channel() const noexcept {
    return state_->channel();
}

void Ticker::stop() noexcept {
    state_->stop();
}

void Ticker::reset(Duration period) {
    state_->arm(require_worker("Ticker"), from_now(checked(period)), period);
}

}  // namespace mynah::conc
