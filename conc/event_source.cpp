#include "conc/event_source.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "conc/internal/parking_spot.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/worker.hpp"

namespace mynah::conc {
namespace {

class FutexEventSource final : public EventSource {
  public:
    void poll(std::optional<TimePoint> deadline) override { spot_.park(deadline); }
    void wake() noexcept override { spot_.unpark(); }
    bool armed() const noexcept override { return false; }

  private:
    internal::ParkingSpot spot_;
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

// Not to be inlined into a coroutine, see current_worker.
[[gnu::noinline]] bool EventSource::at_home() const noexcept {
    return internal::current_worker == home_;
}

bool EventSource::stopping() const noexcept {
    return home_->core().stopping();
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
