#include "client/load/tally.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "client/load/fault.hpp"
#include "client/load/in_flight.hpp"
#include "client/load/schedule.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {

void Tally::begin() {
    is_open_loop_ = schedule_->is_open_loop();
    measured_from_ = schedule_->measured_from();
    interval_begin_ = measured_from_;
    interval_end_ = measured_from_ + kInterval;
    last_answer_ = measured_from_;
}

void Tally::failed(const Message& message, Fate fate) noexcept {
    ++outcomes_of(message).fates[static_cast<std::size_t>(fate)];
    if (fate != Fate::in_flight) {
        ++interval_.errors;
    }
}

void Tally::faulted(const Fault& fault) {
    ++fault_count_;
    if (faults_.size() < kFaultsKept) {
        faults_.push_back(fault);
    }
}

// What fails before the time line begins counts in its first second.
void Tally::connection_failed(const std::string& why) {
    ++connection_failures_[why];
    ++interval_.errors;
}

std::uint64_t Tally::error_count() const noexcept {
    std::uint64_t count = warm_up_.failed() + measured_.failed();
    for (const auto& [why, times] : connection_failures_) {
        count += times;
    }
    return count;
}

void Tally::end(conc::TimePoint now) {
    advance(now);
    const bool is_empty = interval_.verified == 0 && interval_.errors == 0;
    if (now > interval_begin_ && !(is_empty && schedule_->is_over(interval_begin_))) {
        close_interval(now);
    }
}

void Tally::roll(conc::TimePoint now) {
    while (now >= interval_end_) {
        close_interval(interval_end_);
        interval_end_ += kInterval;
    }
}

void Tally::close_interval(conc::TimePoint end) {
    interval_.begin = interval_begin_ - measured_from_;
    interval_.length = end - interval_begin_;
    interval_.p50 = recent_.percentile(50);
    interval_.p99 = recent_.percentile(99);
    interval_.max = recent_.max();
    intervals_.push_back(interval_);
    from_planned_.add(recent_);
    from_sent_.add(recent_from_sent_);
    recent_.clear();
    recent_from_sent_.clear();
    interval_ = {};
    interval_begin_ = end;
}

}  // namespace mynah::client::load
