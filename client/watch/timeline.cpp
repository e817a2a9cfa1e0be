#include "client/watch/timeline.hpp"

#include <chrono>
#include <cstdint>

#include "conc/event_source.hpp"

namespace mynah::client::watch {

void Timeline::begin(conc::TimePoint now) {
    start_ = now;
    second_begin_ = now;
}

void Timeline::advance(conc::TimePoint now, std::uint64_t open) {
    while (now >= second_begin_ + kSecond) {
        close(second_begin_ + kSecond, open);
    }
}

void Timeline::end(conc::TimePoint now, std::uint64_t open) {
    advance(now, open);
    if (now > second_begin_) {
        close(now, open);
    }
}

void Timeline::echoed(std::chrono::nanoseconds from_planned, std::chrono::nanoseconds from_sent) {
    ++current_.echoed;
    recent_.add(from_planned);
    from_sent_.add(from_sent);
}

void Timeline::close(conc::TimePoint end, std::uint64_t open) {
    current_.begin = second_begin_ - start_;
    current_.length = end - second_begin_;
    current_.open = open;
    current_.p50 = recent_.percentile(50);
    current_.p99 = recent_.percentile(99);
    current_.max = recent_.max();
    seconds_.push_back(current_);
    from_planned_.add(recent_);
    recent_.clear();
    current_ = {};
    second_begin_ = end;
}

}  // namespace mynah::client::watch
