#include "client/watch/account.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/watch/incident.hpp"
#include "client/watch/records.hpp"
#include "client/watch/timeline.hpp"
#include "conc/event_source.hpp"

namespace mynah::client::watch {

std::string_view name_of(Ending ending) noexcept {
    switch (ending) {
        case Ending::finished:
            return "finished";
        case Ending::fin:
            return "fin";
        case Ending::reset:
            return "reset";
        case Ending::timeout:
            return "timeout";
        case Ending::abandoned:
            return "abandoned";
    }
    return "unknown";
}

bool is_loss(IncidentKind kind) noexcept {
    switch (kind) {
        case IncidentKind::reset:
        case IncidentKind::silent:
        case IncidentKind::corrupted:
        case IncidentKind::duplicated:
        case IncidentKind::misdelivered:
        case IncidentKind::foreign:
            return true;
        case IncidentKind::unacknowledged:  // it is sent again
        case IncidentKind::reordered:       // in a stream it is silent as well, and datagrams have no order
        case IncidentKind::late:
            return false;
    }
    return true;
}

std::string at_second(conc::TimePoint at, conc::TimePoint started) {
    return fmt::format("{:.3f} s", std::chrono::duration<double>(at - started).count());
}

void Account::begin(conc::TimePoint now) {
    started_ = now;
    timeline_.begin(now);
}

void Account::opened(const ConnectionRecord& record, bool again) {
    ++endings_.opened;
    ++endings_.open;
    if (!again) {
        return;
    }
    add({.at = record.opened,
         .kind = "connected",
         .lane = record.lane,
         .connection = record.connection,
         .text = fmt::format("from {} to {}", record.local.to_string(), record.peer.to_string())});
}

void Account::refused(std::size_t lane, const std::string& why, conc::TimePoint now, bool is_event) {
    ++endings_.refusals;
    ++endings_.refused_why[why];
    ++timeline_.current().refused;
    if (is_event) {
        add({.at = now, .kind = "refused", .lane = lane, .text = why});
    }
}

void Account::frame_sent(std::size_t bytes, bool again) {
    ++frames_sent_;
    ++timeline_.current().sent;
    sent_again_ += again ? bytes : 0;
}

void Account::take_back_frame(std::size_t bytes, bool again) noexcept {
    --frames_sent_;
    sent_again_ -= again ? bytes : 0;
    Second& second = timeline_.current();
    second.sent = second.sent > 0 ? second.sent - 1 : 0;  // it may have been counted in the second before
}

void Account::noticed(const ConnectionRecord& record, const Incident& incident) {
    std::string text = fmt::format("{} at offset {}", count_bytes(incident.bytes), incident.offset);
    if (incident.kind == IncidentKind::misdelivered) {
        text += fmt::format(", of connection {}", incident.other);
    }
    const bool loss = is_loss(incident.kind);
    if (loss) {
        lost_bytes_ += incident.bytes;
        timeline_.current().lost_bytes += incident.bytes;
    } else if (incident.kind == IncidentKind::late) {
        lost_bytes_ -= std::min(lost_bytes_, incident.bytes);
        late_ += incident.bytes;
    }
    add({.at = incident.at,
         .kind = name_of(incident.kind),
         .lane = record.lane,
         .connection = record.connection,
         .offset = incident.offset,
         .bytes = incident.bytes,
         .text = std::move(text),
         .is_loss = loss});
}

void Account::closed(const ConnectionRecord& record) {
    bytes_ += record.bytes;
    --endings_.open;
    connections_.add(record);
    Event event{.at = record.closed,
                .kind = name_of(record.ending),
                .lane = record.lane,
                .connection = record.connection,
                .text = record.error};
    switch (record.ending) {
        case Ending::finished:
            ++endings_.finished;
            return;
        case Ending::fin:
            ++endings_.fins;
            event.text = "closed by the peer";
            break;
        case Ending::reset:
            ++endings_.resets;
            event.kind = "connection_reset";  // reset alone is bytes
            break;
        case Ending::timeout:
            ++endings_.timeouts;
            break;
        case Ending::abandoned:
            ++endings_.abandoned;
            break;
    }
    ++timeline_.current().ended;
    add(event);
}

void Account::outage_ended(const Outage& outage) {
    outages_.add(outage);
    outage_lengths_.add(outage.length());
    total_outage_ += outage.length();
    std::string text = fmt::format("{} ms without an echo", format_milliseconds(outage.length()));
    if (outage.after == 0) {
        text += ", until the end";
    }
    add({.at = outage.ended, .kind = "outage", .lane = outage.lane, .connection = outage.after, .text = text});
}

void Account::add(const Event& event) {
    if (event.is_loss) {
        losses_.add(event);
    }
    fresh_.add(event);
    events_.add(event);
}

Bounded<Event> Account::take_fresh() {
    return std::exchange(fresh_, {.limit = kFreshKept});
}

}  // namespace mynah::client::watch
