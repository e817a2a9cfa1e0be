#include "conc/event_source.hpp"

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conc/internal/atomic.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;

/// Sleeps on a futex. states: awake -> asleep (poll), any -> signalled (wake), signalled -> awake (poll returns).
class FutexEventSource final : public EventSource {
  public:
    void poll(std::optional<TimePoint> deadline) override {
        std::uint32_t seen = kAwake;
        const bool may_sleep = !deadline || *deadline > now();
        if (may_sleep && state_.compare_exchange_strong(seen, kAsleep)) {
            wait(deadline);
        }
        state_.store(kAwake);
    }

    void wake() noexcept override {
        if (state_.exchange(kSignalled) == kAsleep) {
            ::syscall(SYS_futex, word(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
        }
    }

    bool armed() const noexcept override { return false; }

  private:
    static constexpr std::uint32_t kAwake = 0;
    static constexpr std::uint32_t kAsleep = 1;
    static constexpr std::uint32_t kSignalled = 2;

    // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC, so a retry waits no longer (futex(2)).
    void wait(std::optional<TimePoint> deadline) noexcept {
        timespec until{};
        if (deadline) {
            const std::int64_t ns = deadline->time_since_epoch().count();
            constexpr std::int64_t kSecond = 1'000'000'000;
            until = {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
        }
        while (state_.load() == kAsleep && (!deadline || now() < *deadline)) {
            ::syscall(SYS_futex, word(), FUTEX_WAIT_BITSET_PRIVATE, kAsleep, deadline ? &until : nullptr, nullptr,
                      FUTEX_BITSET_MATCH_ANY);
        }
    }

    void* word() noexcept { return static_cast<void*>(&state_); }

    Atomic<std::uint32_t> state_{kAwake};
    static_assert(sizeof(Atomic<std::uint32_t>) == sizeof(std::uint32_t), "the kernel sees a plain 32-bit word");
};

class PostedWork final : public EventSource::Message {
  public:
    explicit PostedWork(std::move_only_function<void()> work) : work_(std::move(work)) {}
    void deliver() noexcept override {
        const std::unique_ptr<PostedWork> self(this);
        work_();
    }

  private:
    std::move_only_function<void()> work_;
};

}  // namespace

bool EventSource::at_home() const noexcept {
    return internal::this_worker() == home_;
}

void EventSource::post(Message& message) noexcept {
    home_->post(message);
}

void EventSource::post(std::move_only_function<void()> work) {
    home_->post(*std::make_unique<PostedWork>(std::move(work)).release());
}

TimePoint EventSource::now() const noexcept {
    return home_->core().now();
}

EventSource* EventSource::current() noexcept {
    const internal::Worker* worker = internal::this_worker();
    return worker == nullptr ? nullptr : &worker->source();
}

void EventSource::complete(internal::TaskRecord& task) noexcept {
    home_->enqueue_home(task);
}

std::unique_ptr<EventSource> make_futex_event_source() {
    return std::make_unique<FutexEventSource>();
}

}  // namespace mynah::conc
