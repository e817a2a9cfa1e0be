#include "server/fault/datagram_faults.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "conc/event_source.hpp"
#include "net/datagram_batch.hpp"
#include "server/fault/fault_places.hpp"
#include "server/fault/fault_rule.hpp"

namespace mynah::server {
namespace {

/// How many datagrams in a row a fault of this kind is for.
std::uint64_t datagrams_of(const FaultRule& rule) {
    const bool has_span =
        rule.kind == FaultKind::corrupt || rule.kind == FaultKind::drop || rule.kind == FaultKind::duplicate;
    return has_span ? rule.length : 1;
}

/// What one costs while it is held back: its bytes, and what is known of it.
std::size_t held_size(const net::DatagramBatch& one) {
    constexpr std::size_t kOwn = 512;
    return kOwn + one.bytes(0).size();
}

void apply(const FaultRule& rule, const FaultSpan& span, std::uint64_t datagram, DatagramFate& fate) {
    switch (rule.kind) {
        case FaultKind::drop:
            fate.dropped = true;
            break;
        case FaultKind::duplicate:
            fate.duplicated = true;
            break;
        case FaultKind::corrupt:
            fate.corruption = span.draw + (datagram - span.begin);
            break;
        case FaultKind::delay:
            fate.delay = std::max(fate.delay, rule.duration);
            break;
        case FaultKind::reorder:
            fate.overtaken_by = std::max(fate.overtaken_by, rule.length);
            break;
        default:
            break;  // those of streams are refused where the configuration is read
    }
}

}  // namespace

DatagramFaultPlan::DatagramFaultPlan(std::span<const FaultRule> rules, std::uint64_t number) {
    tracks_.reserve(rules.size());
    for (const FaultRule& rule : rules) {
        tracks_.push_back({.rule = &rule, .places = FaultPlaces(rule, number, 1, datagrams_of(rule))});
    }
}

DatagramFate DatagramFaultPlan::next() {
    ++datagram_;
    DatagramFate fate;
    for (Track& track : tracks_) {
        const FaultSpan& span = track.places.current();
        if (span.begin > datagram_) {
            continue;
        }
        apply(*track.rule, span, datagram_, fate);
        if (span.end == datagram_ + 1) {
            track.places.advance();
        }
    }
    return fate.dropped ? DatagramFate{.dropped = true, .corruption = {}} : fate;
}

void corrupt_one(std::span<std::byte> bytes, std::uint64_t draw) {
    if (!bytes.empty()) {
        // Never zero, or the byte would stay what it is.
        bytes[(draw >> 8U) % bytes.size()] ^= static_cast<std::byte>(1 + draw % 255);
    }
}

void DatagramFaults::take(const net::DatagramBatch& batch, conc::TimePoint now) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        take_one(batch.copy(i), now);
        release_overtaken();
    }
}

void DatagramFaults::take_one(net::DatagramBatch one, conc::TimePoint now) {
    ++taken_;
    const std::size_t size = one.bytes(0).size();
    const DatagramFate fate = plan_.next();
    if (fate.dropped) {
        counters_.add(FaultKind::drop, 1, size);
        return;
    }
    if (fate.corruption && size > 0) {
        corrupt_one(one.writable_bytes(0), *fate.corruption);
        counters_.add(FaultKind::corrupt, 1, 1);
    }
    if (fate.duplicated) {
        place(one.copy(0), fate, now);
        counters_.add(FaultKind::duplicate, 1, size);
    }
    place(std::move(one), fate, now);
}

void DatagramFaults::place(net::DatagramBatch one, const DatagramFate& fate, conc::TimePoint now) {
    const std::size_t size = held_size(one);
    const bool is_held = fate.delay.count() > 0 || fate.overtaken_by > 0;
    if (!is_held || held_bytes_ + size > kMostHeldBytes) {
        ready_.push_back(std::move(one));
        return;
    }
    held_bytes_ += size;
    if (fate.delay.count() > 0) {
        delayed_.emplace(now + fate.delay, std::move(one));
        counters_.add(FaultKind::delay, 1, 0);
    } else {
        overtaken_.emplace(taken_ + fate.overtaken_by, std::move(one));
        counters_.add(FaultKind::reorder, 1, 0);
    }
}

void DatagramFaults::release_overtaken() {
    while (!overtaken_.empty() && overtaken_.begin()->first <= taken_) {
        auto node = overtaken_.extract(overtaken_.begin());
        held_bytes_ -= held_size(node.mapped());
        ready_.push_back(std::move(node.mapped()));
    }
}

std::optional<net::DatagramBatch> DatagramFaults::next_ready(conc::TimePoint now) {
    if (ready_.empty() && !delayed_.empty() && delayed_.begin()->first <= now) {
        auto node = delayed_.extract(delayed_.begin());
        held_bytes_ -= held_size(node.mapped());
        ready_.push_back(std::move(node.mapped()));
    }
    if (ready_.empty()) {
        return std::nullopt;
    }
    net::DatagramBatch next = std::move(ready_.front());
    ready_.pop_front();
    return next;
}

std::optional<conc::TimePoint> DatagramFaults::next_due() const {
    return delayed_.empty() ? std::nullopt : std::optional(delayed_.begin()->first);
}

void DatagramFaults::release_all() {
    for (auto& [due, one] : delayed_) {
        ready_.push_back(std::move(one));
    }
    for (auto& [number, one] : overtaken_) {
        ready_.push_back(std::move(one));
    }
    delayed_.clear();
    overtaken_.clear();
    held_bytes_ = 0;
}

}  // namespace mynah::server
