#include "server/fault/fault_plan.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "server/fault/fault_counts.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

bool has_span(FaultKind kind) {
    switch (kind) {
        case FaultKind::short_write:
        case FaultKind::corrupt:
        case FaultKind::drop:
        case FaultKind::duplicate:
            return true;
        default:
            return false;
    }
}

bool ends_connection(FaultKind kind) {
    return kind == FaultKind::fin || kind == FaultKind::reset || kind == FaultKind::refuse;
}

bool pauses(FaultKind kind) {
    return kind == FaultKind::delay || kind == FaultKind::stall;
}

/// Whether this is for the bytes of the connection, of which there are none where it is refused by RST.
bool is_for_bytes(const FaultRule& rule, std::uint64_t number) {
    return rule.kind != FaultKind::refuse || (!rule.with_reset && is_fault_place(rule, number));
}

/// Where the rule's places are in the stream: a refusal's, which counts connections, is before the first byte.
FaultPlaces places_of(const FaultRule& rule, std::uint64_t number) {
    if (rule.kind == FaultKind::refuse) {
        return FaultPlaces({.kind = rule.kind, .spacing = FaultSpacing::at, .distance = 0}, number, 0, 1);
    }
    return FaultPlaces(rule, number, 0, has_span(rule.kind) ? rule.length : 1);
}

/// Never zero, or the byte would stay what it is.
std::uint8_t mask_from(std::uint64_t draw) {
    return static_cast<std::uint8_t>(1 + draw % 255);
}

}  // namespace

FaultPlan::FaultPlan(std::span<const FaultRule> rules, std::uint64_t number) {
    tracks_.reserve(rules.size());
    for (const FaultRule& rule : rules) {
        const bool is_known = has_span(rule.kind) || ends_connection(rule.kind) || pauses(rule.kind);
        if (is_known && is_for_bytes(rule, number)) {
            tracks_.push_back({.rule = &rule, .places = places_of(rule, number)});
        }
    }
}

std::optional<FaultAction> FaultPlan::next(std::size_t available) {
    if (auto action = due(available)) {
        return action;
    }
    if (available == 0) {
        return std::nullopt;
    }
    return pass(available);
}

/// What is to be done at this offset before any byte passes.
std::optional<FaultAction> FaultPlan::due(std::size_t available) {
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const Track& track = tracks_[i];
        if (track.rule->kind == FaultKind::duplicate && track.begun && track.places.current().end == offset_) {
            return repeat(i);
        }
    }
    for (Track& track : tracks_) {
        if (ends_connection(track.rule->kind) && track.places.current().begin == offset_) {
            return stand(track, FaultAction::What::end);
        }
    }
    for (Track& track : tracks_) {
        if (available > 0 && pauses(track.rule->kind) && track.places.current().begin == offset_) {
            return stand(track, FaultAction::What::pause);
        }
    }
    return std::nullopt;
}

/// What is done between two bytes.
FaultAction FaultPlan::stand(Track& track, FaultAction::What what) {
    track.places.advance();
    counts_.add(track.rule->kind, 1, 0);
    return {.what = what, .kind = track.rule->kind, .duration = track.rule->duration};
}

/// As many bytes as have the same done to them.
FaultAction FaultPlan::pass(std::size_t available) {
    FaultAction action{.bytes = available};
    for (const Track& track : tracks_) {
        const FaultSpan& span = track.places.current();
        const std::uint64_t boundary = span.begin > offset_ ? span.begin : span.end;
        action.bytes = static_cast<std::size_t>(std::min<std::uint64_t>(action.bytes, boundary - offset_));
    }
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        apply(tracks_[i], i, action);
    }
    if (action.dropped) {
        action.mask = 0;
        action.one_by_one = false;
        action.kept.clear();
    }
    for (const std::size_t index : action.kept) {
        tracks_[index].kept_bytes += action.bytes;
    }
    count(action);
    offset_ += action.bytes;
    for (Track& track : tracks_) {
        // A span to repeat goes on until it has been repeated.
        if (track.begun && track.rule->kind != FaultKind::duplicate && track.places.current().end == offset_) {
            track.places.advance();
            track.begun = false;
        }
    }
    return action;
}

/// What this rule does to the piece, which lies in its current span or before it.
void FaultPlan::apply(Track& track, std::size_t index, FaultAction& action) {
    const FaultKind kind = track.rule->kind;
    const FaultSpan& span = track.places.current();
    if (!has_span(kind) || span.begin > offset_) {
        return;
    }
    if (!std::exchange(track.begun, true) && kind != FaultKind::duplicate) {
        counts_.add(kind, 1, 0);
    }
    switch (kind) {
        case FaultKind::drop:
            action.dropped = true;
            return;
        case FaultKind::corrupt:
            // Of two rules for the same bytes the first counts: together they could undo each other.
            action.mask = action.mask != 0 ? action.mask : mask_from(span.draw);
            return;
        case FaultKind::short_write:
            action.one_by_one = true;
            return;
        default:
            action.kept.push_back(index);
            return;
    }
}

void FaultPlan::count(const FaultAction& action) {
    counts_.add(FaultKind::drop, 0, action.dropped ? action.bytes : 0);
    counts_.add(FaultKind::corrupt, 0, action.mask != 0 ? action.bytes : 0);
    counts_.add(FaultKind::short_write, 0, action.one_by_one ? action.bytes : 0);
}

FaultAction FaultPlan::repeat(std::size_t index) {
    Track& track = tracks_[index];
    track.places.advance();
    track.begun = false;
    counts_.add(FaultKind::duplicate, 1, std::exchange(track.kept_bytes, 0));
    return {.what = FaultAction::What::repeat, .kind = FaultKind::duplicate, .rule = index};
}

std::optional<FaultAction> FaultPlan::finish() {
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        if (tracks_[i].rule->kind == FaultKind::duplicate && tracks_[i].begun) {
            return repeat(i);
        }
    }
    return std::nullopt;
}

FaultCounts FaultPlan::take_counts() {
    return std::exchange(counts_, FaultCounts{});
}

}  // namespace mynah::server
