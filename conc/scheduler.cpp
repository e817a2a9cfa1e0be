#include "conc/scheduler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/hog.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/record_pool.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc {
namespace internal {
namespace {

/// The main task: its end stops the scheduler. Its frame and result belong to Scheduler::run.
struct MainTask final : TaskRecord {
    explicit MainTask(PromiseBase& root) : root_(root) {}
    PromiseBase& begin() noexcept override { return root_; }
    AfterEnd on_finished() noexcept override {
        worker->core().stop();
        return {};
    }

  private:
    PromiseBase& root_;
};

}  // namespace

void run_main(SchedulerCore& core, PromiseBase& promise) {
    auto main = std::make_unique<MainTask>(promise);
    main->created_at = promise.site;
    header_of(*main).creator = 0;
    core.run(std::move(main));
}

}  // namespace internal

Scheduler::Scheduler(Options options) : core_(std::make_unique<internal::SchedulerCore>(std::move(options))) {}

Scheduler::~Scheduler() = default;

std::size_t Scheduler::task_count() const noexcept {
    return core_->task_count();
}

const std::vector<TaskInfo>& Scheduler::abandoned() const noexcept {
    return core_->abandoned();
}

std::optional<std::uint64_t> Scheduler::seed() const noexcept {
    return core_->options().seed;
}

std::uint64_t Scheduler::hog_count() const noexcept {
    return core_->hogs().count();
}

std::vector<Hog> Scheduler::hogs() const {
    return core_->hogs().hogs();
}

TimePoint now() noexcept {
    const internal::Worker* worker = internal::this_worker();
    return worker == nullptr ? Clock::now() : worker->core().now();
}

}  // namespace mynah::conc
