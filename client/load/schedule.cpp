#include "client/load/schedule.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "client/load/options.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

Schedule::Schedule(const Options& options)
    : rate_(options.rate.value_or(0)),
      count_(options.count.value_or(std::numeric_limits<std::uint64_t>::max())),
      left_(count_),
      warm_up_(options.warm_up),
      duration_(options.duration) {}

void Schedule::begin(conc::TimePoint now) {
    start_ = now;
    measured_from_ = now + warm_up_;
    if (duration_) {
        stop(measured_from_ + *duration_);
    }
}

void Schedule::stop(conc::TimePoint now) noexcept {
    stops_at_ = std::min(stops_at_, now);
    over_at_ = std::min(over_at_, is_open_loop() ? stops_at_ + kGrace : stops_at_);
}

/// The last message that was asked for has been sent.
void Schedule::end(conc::TimePoint now) noexcept {
    stops_at_ = std::min(stops_at_, now);
    over_at_ = std::min(over_at_, now);
}

conc::TimePoint Schedule::due(std::uint64_t index) const noexcept {
    // Whole seconds first: a product of nanoseconds would overflow within the day.
    const std::uint64_t nanoseconds = index / rate_ * kSecond + index % rate_ * kSecond / rate_;
    return start_ + std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds));
}

std::uint64_t Schedule::planned() const noexcept {
    if (stops_at_ <= measured_from_) {
        return 0;
    }
    return std::min(count_, due_before(stops_at_) - due_before(measured_from_));
}

std::uint64_t Schedule::due_before(conc::TimePoint time) const noexcept {
    if (time <= start_) {
        return 0;
    }
    const auto nanoseconds = static_cast<std::uint64_t>((time - start_).count());
    std::uint64_t count = nanoseconds / kSecond * rate_ + nanoseconds % kSecond * rate_ / kSecond;
    // due() rounds down.
    while (due(count) < time) {
        ++count;
    }
    return count;
}

}  // namespace mynah::client::load
