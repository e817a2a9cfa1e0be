#include "client/watch/stream_auditor.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "client/watch/alignment.hpp"
#include "client/watch/incident.hpp"
#include "conc/event_source.hpp"
#include "net/probe_frame.hpp"

namespace mynah::client::watch {
namespace {

// Changed bytes with fewer that are right between them are one incident.
constexpr std::uint64_t kOneIncident = 8;
// How far an incident's offset is moved back where that explains what came as well.
constexpr std::uint64_t kFarthestBack = 64;
// A frame of another connection of this run begins like one of ours, until the last byte that tells them apart.
constexpr std::size_t kCommonBytes = 24;
constexpr std::size_t kMostGaps = 64;

std::size_t find_magic(std::span<const std::byte> bytes, std::size_t from) {
    const auto magic = std::as_bytes(std::span(net::kProbeMagic));
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
    return static_cast<std::size_t>(std::search(begin, bytes.end(), magic.begin(), magic.end()) - bytes.begin());
}

}  // namespace

StreamAuditor::StreamAuditor(std::uint64_t run, std::uint64_t connection, Limits limits)
    : run_(run), connection_(connection), limits_(limits), expected_(std::max(limits.history_bytes, kCommonBytes)) {}

void StreamAuditor::sent(std::span<const std::byte> bytes) {
    expected_.append(bytes);
    counts_.sent += bytes.size();
}

void StreamAuditor::take_back_sent(std::size_t count) {
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, outstanding()));
    expected_.drop_last(count);
    counts_.sent -= count;
}

void StreamAuditor::received(std::span<const std::byte> bytes, conc::TimePoint now) {
    now_ = now;
    if (unexplained_.empty()) {
        const auto awaited = expected_.from(cursor_);
        const std::size_t count = std::min(bytes.size(), awaited.size());
        std::size_t same = count;
        if (count > 0 && std::memcmp(bytes.data(), awaited.data(), count) != 0) {
            const auto differing = std::ranges::mismatch(bytes.first(count), awaited.first(count)).in1;
            same = static_cast<std::size_t>(differing - bytes.begin());
        }
        accept(same);
        bytes = bytes.subspan(same);
    }
    if (bytes.empty()) {
        return;
    }
    unexplained_.insert(unexplained_.end(), bytes.begin(), bytes.end());
    const auto start = static_cast<std::size_t>(cursor_ - expected_.begin());
    if (unexplained_.size() >= limits_.unexplained_bytes || is_anchored(unexplained_, expected_.all(), start)) {
        settle(false);
    }
}

void StreamAuditor::end(StreamEnd how, conc::TimePoint now) {
    now_ = now;
    if (!unexplained_.empty()) {
        settle(how == StreamEnd::fin);
    }
    close_repeat();
    const std::uint64_t left = outstanding();
    switch (how) {
        case StreamEnd::fin:
            counts_.unacknowledged += left;
            note(IncidentKind::unacknowledged, high_, left);
            break;
        case StreamEnd::reset:
            counts_.reset += left;
            note(IncidentKind::reset, high_, left);
            break;
        case StreamEnd::silence:
            counts_.silent += left;
            note(IncidentKind::silent, high_, left);
            break;
    }
}

std::vector<Incident> StreamAuditor::take_incidents() {
    return std::exchange(incidents_, {});
}

/// The next bytes are those at the cursor.
void StreamAuditor::accept(std::size_t count) {
    const auto old = static_cast<std::size_t>(std::min<std::uint64_t>(count, high_ - cursor_));
    if (old > 0) {
        repeat(cursor_, old);
        fresh_run_ = 0;
        cursor_ += old;
        if (cursor_ == high_) {
            close_repeat();
        }
    }
    const std::size_t fresh = count - old;
    counts_.echoed += fresh;
    fresh_run_ += fresh;
    high_ += fresh;
    cursor_ += fresh;
    if (cursor_ == high_) {
        expected_.forget_before(high_);
    }
}

/// The bytes from `position` on have come before, or belong to a gap.
void StreamAuditor::repeat(std::uint64_t position, std::uint64_t count) {
    if (!repeat_) {
        repeat_ = Repeat{.offset = position};
    }
    std::uint64_t in_gaps = 0;
    for (const Gap& gap : gaps_) {
        const std::uint64_t begin = std::max(gap.begin, position);
        const std::uint64_t end = std::min(gap.end, position + count);
        in_gaps += end > begin ? end - begin : 0;
    }
    repeat_->reordered += in_gaps;
    repeat_->duplicated += count - in_gaps;
    counts_.reordered += in_gaps;
    counts_.duplicated += count - in_gaps;
}

void StreamAuditor::close_repeat() {
    if (repeat_) {
        note(IncidentKind::duplicated, repeat_->offset, repeat_->duplicated);
        note(IncidentKind::reordered, repeat_->offset, repeat_->reordered);
        repeat_.reset();
    }
}

/// Explains all that has none yet.
void StreamAuditor::settle(bool is_end) {
    take_out_misdelivered();
    const auto start = static_cast<std::size_t>(cursor_ - expected_.begin());
    for (const Piece& piece : align(unexplained_, expected_.all(), start, is_end)) {
        account(piece);
    }
    unexplained_.clear();
    if (cursor_ == high_) {
        close_repeat();
        expected_.forget_before(high_);
        std::erase_if(gaps_, [this](const Gap& gap) { return gap.end <= expected_.begin(); });
    }
}

/// How many of the bytes that were taken for ours may be the beginning of a frame of another connection.
std::size_t StreamAuditor::look_back() const noexcept {
    const std::uint64_t run = cursor_ == high_ ? fresh_run_ : (repeat_ ? repeat_->duplicated : 0);
    return static_cast<std::size_t>(std::min({run, cursor_ - expected_.begin(), std::uint64_t{kCommonBytes}}));
}

void StreamAuditor::take_back(std::size_t count) {
    if (cursor_ == high_) {
        counts_.echoed -= count;
        fresh_run_ -= count;
        high_ -= count;
    } else {
        counts_.duplicated -= count;
        repeat_->duplicated -= count;
    }
    cursor_ -= count;
}

void StreamAuditor::take_out_misdelivered() {
    const std::size_t back = look_back();
    const auto before = expected_.from(cursor_ - back).first(back);
    std::vector<std::byte> bytes(before.begin(), before.end());
    bytes.insert(bytes.end(), unexplained_.begin(), unexplained_.end());
    std::vector<std::byte> ours;
    std::size_t taken = 0;  // how many of `bytes` are in `ours` or were misdelivered
    std::size_t kept_back = back;
    for (std::size_t at = find_magic(bytes, 0); at < bytes.size(); at = find_magic(bytes, at)) {
        const auto frame = net::read_probe(std::span(bytes).subspan(at));
        if (!frame || (frame->run == run_ && frame->connection == connection_)) {
            ++at;
            continue;
        }
        if (taken == 0) {
            kept_back = std::min(kept_back, at);
            take_back(back - kept_back);
        }
        ours.insert(ours.end(), bytes.begin() + static_cast<std::ptrdiff_t>(taken),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at));
        counts_.misdelivered += frame->bytes();
        note(IncidentKind::misdelivered, cursor_ - kept_back + ours.size(), frame->bytes(), frame->connection);
        at += frame->bytes();
        taken = at;
    }
    if (taken == 0) {
        return;
    }
    ours.insert(ours.end(), bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
    unexplained_.assign(ours.begin() + static_cast<std::ptrdiff_t>(kept_back), ours.end());
}

/// Goes through the piece in the order of its positions: before the window, what was decided before, what was not, and
/// beyond all that was sent.
void StreamAuditor::account(const Piece& piece) {
    std::span<const std::byte> bytes(unexplained_);
    bytes = bytes.subspan(piece.begin, piece.end - piece.begin);
    const std::int64_t position = piece.position + static_cast<std::int64_t>(expected_.begin());
    const auto begin = static_cast<std::int64_t>(expected_.begin());
    if (position < begin) {
        const auto count = std::min(bytes.size(), static_cast<std::size_t>(begin - position));
        add_foreign(count);
        bytes = bytes.subspan(count);
    }
    auto at = static_cast<std::uint64_t>(std::max(position, begin));
    if (at != cursor_) {
        close_repeat();
    }
    if (at < high_ && !bytes.empty()) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), high_ - at));
        at = account_old(bytes.first(count), at);
        bytes = bytes.subspan(count);
    }
    cursor_ = at;
    if (cursor_ < high_) {
        fresh_run_ = 0;
    }
    if (bytes.empty()) {
        return;
    }
    close_repeat();
    if (at > high_) {
        skip_to(std::min(at, expected_.end()));
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), expected_.end() - high_));
    account_fresh(bytes.first(count));
    cursor_ = high_;
    add_foreign(bytes.size() - count);
}

/// Bytes that would come again. If most of them are others, they are none of ours. Returns the position behind them.
std::uint64_t StreamAuditor::account_old(std::span<const std::byte> bytes, std::uint64_t position) {
    const auto belong = expected_.from(position).first(bytes.size());
    std::size_t same = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        same += bytes[i] == belong[i] ? 1U : 0U;
    }
    if (same * 2 < bytes.size()) {
        add_foreign(bytes.size());
        return position + bytes.size();
    }
    const std::uint64_t end = position + bytes.size();
    const std::uint64_t first = repeat_ ? position : moved_back(position, high_);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == belong[i]) {
            repeat(position + i, 1);
        }
    }
    if (repeat_) {
        repeat_->offset = std::min(repeat_->offset, first);
    }
    fresh_run_ = 0;
    add_foreign(bytes.size() - same);
    return end;
}

void StreamAuditor::account_fresh(std::span<const std::byte> bytes) {
    const auto belong = expected_.from(high_).first(bytes.size());
    std::uint64_t corrupted = 0;
    std::uint64_t changed = 0;  // of those that make one incident
    std::size_t first = 0;
    std::size_t last = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == belong[i]) {
            ++fresh_run_;
            continue;
        }
        fresh_run_ = 0;
        if (changed > 0 && i - last > kOneIncident) {
            note(IncidentKind::corrupted, high_ + first, std::exchange(changed, 0));
        }
        first = changed == 0 ? i : first;
        last = i;
        ++changed;
        ++corrupted;
    }
    note(IncidentKind::corrupted, high_ + first, changed);
    counts_.corrupted += corrupted;
    counts_.echoed += bytes.size() - corrupted;
    high_ += bytes.size();
}

/// Those from high_ on have not come, as later ones have.
void StreamAuditor::skip_to(std::uint64_t position) {
    const std::uint64_t missing = position - high_;
    const std::uint64_t first = moved_back(high_, position);
    counts_.silent += missing;
    note(IncidentKind::silent, first, missing);
    if (gaps_.size() == kMostGaps) {
        gaps_.erase(gaps_.begin());
    }
    gaps_.push_back({.begin = first, .end = first + missing});
    high_ = position;
    fresh_run_ = 0;
}

/// A gap, or a repeat, from `begin` to `end` explains what came as well if it stands earlier, as long as the byte
/// before both is the same. Frames begin alike, so that without this every lost frame would seem to be lost from its
/// middle on.
std::uint64_t StreamAuditor::moved_back(std::uint64_t begin, std::uint64_t end) const noexcept {
    std::uint64_t moved = 0;
    const std::uint64_t most = std::min(kFarthestBack, fresh_run_);
    while (moved < most && begin - moved > expected_.begin() &&
           expected_.at(begin - moved - 1) == expected_.at(end - moved - 1)) {
        ++moved;
    }
    return begin - moved;
}

void StreamAuditor::note(IncidentKind kind, std::uint64_t offset, std::uint64_t bytes, std::uint64_t other) {
    if (bytes > 0) {
        incidents_.push_back({.kind = kind, .offset = offset, .bytes = bytes, .other = other, .at = now_});
    }
}

void StreamAuditor::add_foreign(std::uint64_t bytes) {
    counts_.foreign += bytes;
    const bool goes_on = !incidents_.empty() && incidents_.back().kind == IncidentKind::foreign &&
                         incidents_.back().offset == high_ && incidents_.back().at == now_;
    if (goes_on) {
        incidents_.back().bytes += bytes;
    } else {
        note(IncidentKind::foreign, high_, bytes);
    }
}

}  // namespace mynah::client::watch
