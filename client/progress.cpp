#include "client/progress.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"

namespace mynah::client {

std::string progress_line(std::uint64_t bytes, std::uint64_t recent_bytes, std::chrono::nanoseconds recent_time) {
    const double seconds = std::chrono::duration<double>(recent_time).count();
    const double rate = seconds > 0 ? static_cast<double>(recent_bytes) / seconds : 0.0;
    return fmt::format("{} back, {}/s", short_size(static_cast<double>(bytes)), short_size(rate));
}

conc::Task<void> Progress::show(conc::Context ctx) {
    constexpr std::chrono::seconds kPeriod(1);
    std::uint64_t bytes_before = 0;
    conc::TimePoint time_before = conc::now();
    bool shown = false;
    for (;;) {
        const auto chosen = co_await conc::select(conc::after(kPeriod), ctx.done());
        if (chosen.index() == 1) {
            break;
        }
        const std::uint64_t bytes = bytes_.load(std::memory_order_relaxed);
        const conc::TimePoint time = conc::now();
        console_->show_progress(progress_line(bytes, bytes - bytes_before, time - time_before));
        bytes_before = bytes;
        time_before = time;
        shown = true;
    }
    if (shown) {
        console_->show_progress("");
    }
}

}  // namespace mynah::client
