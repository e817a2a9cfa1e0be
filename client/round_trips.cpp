#include "client/round_trips.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/duration.hpp"

namespace mynah::client {

void RoundTrips::add(std::chrono::nanoseconds time) {
    min_ = count_ == 0 ? time : std::min(min_, time);
    max_ = count_ == 0 ? time : std::max(max_, time);
    ++count_;
    const double value = static_cast<double>(time.count());
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
}

std::chrono::nanoseconds RoundTrips::mean() const {
    return std::chrono::nanoseconds(std::llround(mean_));
}

std::chrono::nanoseconds RoundTrips::deviation() const {
    if (count_ == 0) {
        return std::chrono::nanoseconds(0);
    }
    return std::chrono::nanoseconds(std::llround(std::sqrt(squares_ / static_cast<double>(count_))));
}

std::string summary(std::string_view target, const PingTally& tally, const RoundTrips& trips,
                    std::chrono::nanoseconds elapsed) {
    std::string text = fmt::format("--- {} ping statistics ---\n", target);
    text += fmt::format("{} packets transmitted, {} received", tally.sent, tally.answered);
    if (tally.late > 0) {
        text += fmt::format(", +{} late", tally.late);
    }
    if (tally.corrupted > 0) {
        text += fmt::format(", +{} corrupted", tally.corrupted);
    }
    if (tally.under_way > 0) {
        text += fmt::format(", +{} under way", tally.under_way);
    }
    const std::uint64_t settled = tally.sent - tally.under_way;
    const double loss = settled == 0 ? 0.0 : 100.0 * static_cast<double>(tally.lost()) / static_cast<double>(settled);
    text += fmt::format(", {:.6g}% packet loss, time {}ms\n", loss,
                        std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
    if (trips.count() > 0) {
        text += fmt::format("rtt min/avg/max/mdev = {}/{}/{}/{} ms\n", format_milliseconds(trips.min()),
                            format_milliseconds(trips.mean()), format_milliseconds(trips.max()),
                            format_milliseconds(trips.deviation()));
    }
    return text;
}

}  // namespace mynah::client
