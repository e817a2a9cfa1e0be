#include "client/watch/datagram_auditor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {
namespace {

// Two frames of a connection differ in more bytes: in the sequence, the offset, the times and the checksum.
constexpr std::size_t kDifferentInNoOther = 4;

}  // namespace

void DatagramAuditor::sent(const net::ProbeFrame& frame, conc::TimePoint now) {
    while (!frames_.empty() && frames_.front().state != State::outstanding &&
           frames_.front().forget_at <= frame.sequence) {
        frames_.pop_front();
        expired_ -= expired_ > 0 ? 1U : 0U;
    }
    frames_.push_back({.frame = frame, .at = now, .forget_at = frame.sequence + history_frames_});
    counts_.sent += frame.bytes();
    outstanding_ += frame.bytes();
}

bool DatagramAuditor::take_back_sent() {
    if (frames_.empty() || frames_.back().state != State::outstanding) {
        return false;
    }
    counts_.sent -= frames_.back().frame.bytes();
    outstanding_ -= frames_.back().frame.bytes();
    frames_.pop_back();
    return true;
}

std::optional<net::ProbeFrame> DatagramAuditor::received(std::span<const std::byte> datagram, conc::TimePoint now) {
    const auto frame = net::read_probe(datagram);
    if (!frame) {
        if (Sent* sent = find_most_like(datagram)) {
            take_damaged(*sent, datagram, now);
        } else {
            counts_.foreign += datagram.size();
            note(IncidentKind::foreign, 0, datagram.size(), now);
        }
        return std::nullopt;
    }
    const std::size_t more = datagram.size() - frame->bytes();
    counts_.foreign += more;
    note(IncidentKind::foreign, frame->offset, more, now);
    if (frame->run != run_ || frame->connection != connection_) {
        counts_.misdelivered += frame->bytes();
        note(IncidentKind::misdelivered, frame->offset, frame->bytes(), now, frame->connection);
        return std::nullopt;
    }
    Sent* sent = find(frame->sequence);
    if (sent == nullptr || sent->state == State::back) {
        // Of one that is forgotten nobody knows whether it was back: kHistoryFrames behind its time it counts as such.
        counts_.duplicated += frame->bytes();
        note(IncidentKind::duplicated, frame->offset, frame->bytes(), now);
        return std::nullopt;
    }
    take(*sent, now);
    counts_.echoed += frame->bytes();
    return frame.value();
}

std::size_t DatagramAuditor::expire(conc::TimePoint time, conc::TimePoint now) {
    std::size_t count = 0;
    for (; expired_ < frames_.size(); ++expired_) {
        Sent& sent = frames_[expired_];
        if (sent.state != State::outstanding) {
            continue;
        }
        if (sent.at >= time) {
            break;
        }
        sent.state = State::silent;
        sent.forget_at = frames_.back().frame.sequence + history_frames_;  // it may come late
        outstanding_ -= sent.frame.bytes();
        counts_.silent += sent.frame.bytes();
        // Frames that followed each other are one incident.
        if (count > 0 && incidents_.back().offset + incidents_.back().bytes == sent.frame.offset) {
            incidents_.back().bytes += sent.frame.bytes();
        } else {
            note(IncidentKind::silent, sent.frame.offset, sent.frame.bytes(), now);
        }
        ++count;
    }
    return count;
}

std::vector<Incident> DatagramAuditor::take_incidents() {
    return std::exchange(incidents_, {});
}

DatagramAuditor::Sent* DatagramAuditor::find(std::uint64_t sequence) noexcept {
    if (frames_.empty() || sequence < frames_.front().frame.sequence ||
        sequence - frames_.front().frame.sequence >= frames_.size()) {
        return nullptr;
    }
    return &frames_[static_cast<std::size_t>(sequence - frames_.front().frame.sequence)];
}

/// By its header, which may be what is damaged.
DatagramAuditor::Sent* DatagramAuditor::find_named(std::span<const std::byte> datagram) noexcept {
    const auto header = net::read_probe_header(datagram);
    return header ? find(header->sequence) : nullptr;
}

/// nullptr where it has less than half of its bytes in common with every frame.
DatagramAuditor::Sent* DatagramAuditor::find_most_like(std::span<const std::byte> datagram) {
    Sent* most_like = nullptr;
    std::size_t most = 0;
    const auto compare = [&](Sent& sent) {
        const std::size_t same = count_same(datagram, sent);
        const bool is_likelier = same == most && most_like != nullptr && most_like->state == State::back;
        if (same * 2 >= datagram.size() && same > 0 && (same > most || is_likelier)) {
            most = same;
            most_like = &sent;
        }
    };
    if (Sent* named = find_named(datagram)) {
        compare(*named);
        if (most + kDifferentInNoOther >= std::max(datagram.size(), named->frame.bytes())) {
            return named;
        }
    }
    while (expired_ < frames_.size() && frames_[expired_].state != State::outstanding) {
        ++expired_;
    }
    if (frames_.empty()) {
        return nullptr;
    }
    constexpr std::size_t kFewest = 4;
    const std::size_t window = std::max(kSearchedBytes / frames_.front().frame.bytes(), kFewest);
    const std::size_t begin = expired_ - std::min(expired_, window / 4);
    for (std::size_t i = begin; i < std::min(frames_.size(), begin + window); ++i) {
        compare(frames_[i]);
    }
    return most_like;
}

std::size_t DatagramAuditor::count_same(std::span<const std::byte> datagram, const Sent& sent) {
    compared_.clear();
    net::append_probe(sent.frame, compared_);
    std::size_t same = 0;
    for (std::size_t i = 0; i < std::min(datagram.size(), compared_.size()); ++i) {
        same += datagram[i] == compared_[i] ? 1U : 0U;
    }
    return same;
}

/// It has come for the first time, harmed or not.
void DatagramAuditor::take(Sent& sent, conc::TimePoint now) {
    const net::ProbeFrame& frame = sent.frame;
    if (sent.state == State::outstanding) {
        outstanding_ -= frame.bytes();
    } else {
        counts_.silent -= frame.bytes();
        note(IncidentKind::late, frame.offset, frame.bytes(), now);
    }
    sent.state = State::back;
    if (frame.sequence < latest_) {
        counts_.reordered += frame.bytes();
        note(IncidentKind::reordered, frame.offset, frame.bytes(), now);
    }
    latest_ = std::max(latest_, frame.sequence + 1);
}

void DatagramAuditor::take_damaged(Sent& sent, std::span<const std::byte> datagram, conc::TimePoint now) {
    const std::size_t common = std::min(datagram.size(), sent.frame.bytes());
    const std::size_t same = count_same(datagram, sent);
    const std::uint64_t offset = sent.frame.offset;
    std::uint64_t foreign = datagram.size() - common;
    if (sent.state == State::back) {
        counts_.duplicated += same;
        note(IncidentKind::duplicated, offset, same, now);
        foreign += common - same;
    } else {
        take(sent, now);
        counts_.echoed += same;
        counts_.corrupted += common - same;
        note(IncidentKind::corrupted, offset, common - same, now);
        counts_.silent += sent.frame.bytes() - common;
        note(IncidentKind::silent, offset + common, sent.frame.bytes() - common, now);
    }
    counts_.foreign += foreign;
    note(IncidentKind::foreign, offset, foreign, now);
}

void DatagramAuditor::note(IncidentKind kind, std::uint64_t offset, std::uint64_t bytes, conc::TimePoint now,
                           std::uint64_t other) {
    if (bytes > 0) {
        incidents_.push_back({.kind = kind, .offset = offset, .bytes = bytes, .other = other, .at = now});
    }
}

}  // namespace mynah::client::watch
