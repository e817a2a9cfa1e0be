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
    differences_ += count_ == 0 ? 0.0 : std::abs(static_cast<double>((time - last_).count()));
    last_ = time;
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

std::chrono::nanoseconds RoundTrips::jitter() const {
    return std::chrono::nanoseconds(count_ < 2 ? 0 : std::llround(differences_ / static_cast<double>(count_ - 1)));
}

std::string summary(std::string_view target, const PingTally& tally, const RoundTrips& trips,
                    std::chrono::nanoseconds elapsed) {
    std::string text = fmt::format("--- {} ping statistics ---\n", target);
    text += fmt::format("{} packets transmitted, {} received", tally.sent, tally.answered);
    const auto add = [&text](std::uint64_t count, std::string_view what) {
        if (count > 0) {
            text += fmt::format(", +{} {}", count, what);
        }
    };
    add(tally.duplicates, "duplicates");
    add(tally.late, "late");
    add(tally.corrupted, "corrupted");
    add(tally.foreign, "foreign");
    add(tally.under_way, "under way");
    if (tally.reordered > 0) {
        text += fmt::format(", {} reordered", tally.reordered);
    }
    text += fmt::format(", {:.6g}% packet loss, time {}ms\n", tally.loss_percent(),
                        std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
    if (trips.count() > 0) {
        text += fmt::format("rtt min/avg/max/mdev = {}/{}/{}/{} ms\n", format_milliseconds(trips.min()),
                            format_milliseconds(trips.mean()), format_milliseconds(trips.max()),
                            format_milliseconds(trips.deviation()));
    }
    if (trips.count() > 1) {
        text += fmt::format("jitter = {} ms\n", format_milliseconds(trips.jitter()));
    }
    return text;
}

}  // namespace mynah::client
