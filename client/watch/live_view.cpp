#include "client/watch/live_view.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/watch/account.hpp"
#include "client/watch/records.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {
namespace {

constexpr std::size_t kSecondsBetweenLines = 5;
constexpr std::size_t kMostEventsASecond = 100;

std::string describe(const Second& second, const Account& account, conc::Duration longest) {
    return fmt::format("{:.0f} s: {} frames/s, p99 {} ms, {} open, lost {}, longest outage {} ms",
                       std::chrono::duration<double>(second.begin + second.length).count(), second.echoed,
                       format_milliseconds(second.p99), count_of(second.open, "connection"),
                       count_bytes(account.lost_bytes()), format_milliseconds(longest));
}

}  // namespace

std::string describe(const Event& event, conc::TimePoint started) {
    std::string text = at_second(event.at, started) + "  ";
    text += event.connection > 0 ? fmt::format("connection {} (lane {})", event.connection, event.lane)
                                 : fmt::format("lane {}", event.lane);
    text += fmt::format(": {}", event.kind);
    return event.text.empty() ? text : text + ", " + event.text;
}

void LiveView::show(conc::Duration without_service) {
    show_events();
    const auto& seconds = account_->timeline().seconds();
    if (seconds.size() == shown_seconds_) {
        return;
    }
    begin_second();
    const std::string line =
        describe(seconds.back(), *account_, std::max(account_->outage_lengths().max(), without_service));
    if (console_->is_error_terminal()) {
        console_->show_progress(line);
    } else if (seconds.size() / kSecondsBetweenLines > shown_seconds_ / kSecondsBetweenLines) {
        console_->note(line);
    }
    shown_seconds_ = seconds.size();
}

void LiveView::end() {
    show_events();
    begin_second();
    if (console_->is_error_terminal() && shown_seconds_ > 0) {
        console_->show_progress("");
    }
}

void LiveView::show_events() {
    const Bounded<Event> events = account_->take_fresh();
    hidden_events_ += events.left_out;
    for (const Event& event : events.first) {
        if (shown_events_ >= kMostEventsASecond) {
            ++hidden_events_;
            continue;
        }
        if (console_->is_error_terminal() && shown_events_ == 0) {
            console_->show_progress("");
        }
        ++shown_events_;
        console_->note(describe(event, account_->started()));
    }
}

void LiveView::begin_second() {
    if (hidden_events_ > 0) {
        if (console_->is_error_terminal()) {
            console_->show_progress("");
        }
        console_->note(fmt::format("... and {} more", hidden_events_));
    }
    shown_events_ = 0;
    hidden_events_ = 0;
}

}  // namespace mynah::client::watch
