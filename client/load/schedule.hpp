// schedule.hpp -- when messages are due, and when it is over.
//
// What     In a closed loop a message is due as soon as there is room for it. In an open loop message k is due k/rate
//          seconds after the beginning, whatever the server does; it belongs to connection k modulo their number. The
//          end comes at the end of the time, with the last of the messages asked for, or with stop().
// Threads  one at a time.
// Cost     closed: a comparison of times a message; open: two divisions more.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/load/options.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::load {

class Schedule {
  public:
    explicit Schedule(const Options& options);

    /// Time begins to run.
    void begin(conc::TimePoint now);

    bool is_open_loop() const noexcept { return rate_ > 0; }
    conc::TimePoint started_at() const noexcept { return start_; }
    /// Messages that are planned earlier are warm-up.
    conc::TimePoint measured_from() const noexcept { return measured_from_; }
    conc::TimePoint stops_at() const noexcept { return stops_at_; }
    /// Nothing is sent any more. In an open loop that is kGrace later: what falls due just before the end is sent,
    /// though nobody wakes up at the very moment.
    bool is_over(conc::TimePoint now) const noexcept { return now >= over_at_; }
    conc::TimePoint over_at() const noexcept { return over_at_; }
    static constexpr std::chrono::milliseconds kGrace{10};

    /// Plans nothing from `now` on.
    void stop(conc::TimePoint now) noexcept;

    /// Open loop: when message `index` is due.
    conc::TimePoint due(std::uint64_t index) const noexcept;

    /// When the message is planned for, if it may be sent now. `index` is for an open loop.
    std::optional<conc::TimePoint> take(std::uint64_t index, conc::TimePoint now) noexcept {
        if (is_over(now)) {
            return std::nullopt;
        }
        const conc::TimePoint planned = is_open_loop() ? due(index) : now;
        if (planned > now || planned >= stops_at_) {
            return std::nullopt;
        }
        if (planned >= measured_from_ && --left_ == 0) {
            end(now);
        }
        return planned;
    }

    /// Open loop: how many measured messages were planned until the end.
    std::uint64_t planned() const noexcept;

  private:
    void end(conc::TimePoint now) noexcept;
    std::uint64_t due_before(conc::TimePoint time) const noexcept;

    std::uint64_t rate_;  // 0: closed loop
    std::uint64_t count_;
    std::uint64_t left_;
    std::chrono::nanoseconds warm_up_;
    std::optional<std::chrono::nanoseconds> duration_;
    conc::TimePoint start_;
    conc::TimePoint measured_from_;
    conc::TimePoint stops_at_ = conc::TimePoint::max();
    conc::TimePoint over_at_ = conc::TimePoint::max();
};

}  // namespace mynah::client::load
