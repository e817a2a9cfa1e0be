#include "server/worker_probe.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/resume_on.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "net/driver.hpp"

namespace mynah::server {

conc::Task<void> WorkerProbe::run(conc::Context until) {
    while (!until.err()) {
        co_await conc::resume_on(home_);  // another worker may have stolen the task
        look_at_driver();
        const conc::TimePoint due = conc::now() + kInterval;
        const auto first = co_await conc::select(until.done(), conc::after(kInterval));
        if (first.index() == 1) {
            note(conc::now() - due);
        }
    }
}

void WorkerProbe::note(std::chrono::nanoseconds delay) {
    const double seconds = std::chrono::duration<double>(delay).count();
    const auto bound = std::ranges::lower_bound(kDelayBounds, seconds);
    by_bucket_[static_cast<std::size_t>(bound - kDelayBounds.begin())].add(1);
    sum_ns_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, delay.count())));
}

void WorkerProbe::look_at_driver() {
    if (const auto* driver = dynamic_cast<const net::Driver*>(&home_); driver != nullptr) {
        if (const auto kind = net::parse_driver(driver->name())) {
            driver_.store(*kind, std::memory_order_relaxed);
        }
    }
}

DelayCounts WorkerProbe::delays() const {
    DelayCounts delays;
    for (std::size_t i = 0; i < by_bucket_.size(); ++i) {
        delays.by_bucket[i] = by_bucket_[i].get();
    }
    delays.sum_seconds = static_cast<double>(sum_ns_.get()) * 1e-9;
    return delays;
}

}  // namespace mynah::server
