// flow.hpp -- one flow of messages of a load: what the generator drives, whatever carries it.
//
// What     run() sends what is due and takes what comes back, until it is over: the schedule has ended and all is
//          settled, or something went wrong, which the Tally then knows. Connection carries it over a stream,
//          DatagramFlow over UDP. In an open loop the generator calls fill() when something is due.
// Threads  all on one worker, that of the stream or socket.
// Cancel   check() and abandon() end run() soon; the Flow must live until it has returned, and until what it started
//          has ended, which is counted in `tasks`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "client/load/in_flight.hpp"
#include "client/load/options.hpp"
#include "client/load/pattern.hpp"
#include "client/load/schedule.hpp"
#include "client/load/tally.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"

namespace mynah::client::load {

/// What the flows of a load share.
struct Shared {
    const Options* options;
    const Pattern* pattern;
    Schedule* schedule;
    Tally* tally;
    conc::WaitGroup* tasks;
    std::uint32_t run;  // drawn by chance: tells datagrams of this run from those of an earlier one
};

class Flow {
  public:
    /// `index` and `stride`: its messages in an open loop are number index, index + stride, ...
    Flow(Shared shared, std::uint64_t index, std::uint64_t stride)
        : shared_(shared), index_(index), stride_(stride), next_(index), random_(index + 1) {}
    Flow(const Flow&) = delete;
    Flow& operator=(const Flow&) = delete;
    virtual ~Flow() = default;

    virtual conc::Task<void> run() = 0;

    /// Puts into flight what is due by now, as far as the depth allows. Then send(), where it wants_to_send().
    void fill(conc::TimePoint now) {
        while (has_room()) {
            const auto message = next_message(now);
            if (!message) {
                return;
            }
            put_into_flight(*message);
        }
    }
    virtual bool wants_to_send() const noexcept = 0;
    virtual conc::Task<void> send() = 0;

    /// Open loop: whether it could send message `index`, and has not.
    bool awaits(std::uint64_t index) const noexcept { return has_room() && next_ == index; }

    /// Deals with what is overdue; ends it where it is over and idle.
    virtual void check(conc::TimePoint now) = 0;
    /// Ends at once, with whatever is in flight.
    virtual void abandon() = 0;

  protected:
    virtual bool has_room() const noexcept = 0;
    virtual void put_into_flight(const Message& message) = 0;

    const Shared& shared() const noexcept { return shared_; }
    std::uint64_t index() const noexcept { return index_; }

  private:
    std::optional<Message> next_message(conc::TimePoint now) noexcept {
        const auto planned = shared_.schedule->take(next_, now);
        if (!planned) {
            return std::nullopt;
        }
        next_ += stride_;
        const Message message{.planned = *planned, .sent = now, .bytes = draw_size()};
        shared_.tally->sent(message);
        return message;
    }

    /// xorshift64, by Marsaglia: https://www.jstatsoft.org/v08/i14
    std::uint64_t draw_size() noexcept {
        const auto& [least, most] = shared_.options->message_bytes;
        if (least == most) {
            return least;
        }
        random_ ^= random_ << 13U;
        random_ ^= random_ >> 7U;
        random_ ^= random_ << 17U;
        return least + random_ % (most - least + 1);
    }

    Shared shared_;
    std::uint64_t index_;
    std::uint64_t stride_;
    std::uint64_t next_;  // open loop: the message that is due next
    std::uint64_t random_;
};

}  // namespace mynah::client::load
