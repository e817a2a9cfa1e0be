#include "client/stream_probes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "client/outstanding_probes.hpp"

namespace mynah::client {
namespace {

void append(std::vector<std::byte>& bytes, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < sizeof value && bytes.size() < size; ++i) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

}  // namespace

Probe make_stream_probe(std::uint64_t sequence, ProbeTime now, std::size_t size) {
    Probe probe{.sequence = sequence, .sent_at = now, .bytes = {}};
    probe.bytes.reserve(size);
    append(probe.bytes, sequence, size);
    append(probe.bytes, static_cast<std::uint64_t>(now.time_since_epoch().count()), size);
    while (probe.bytes.size() < size) {
        probe.bytes.push_back(static_cast<std::byte>(probe.bytes.size() + sequence));
    }
    return probe;
}

void StreamProbes::sent(Probe probe) {
    probes_.push_back(std::move(probe));
}

Replies StreamProbes::received(std::span<const std::byte> bytes, ProbeTime now) {
    Replies result;
    while (!bytes.empty() && !probes_.empty()) {
        const Probe& probe = probes_.front();
        const std::size_t count = std::min(bytes.size(), probe.bytes.size() - matched_);
        for (std::size_t i = 0; i < count; ++i) {
            if (bytes[i] != probe.bytes[matched_ + i]) {
                first_difference_ = differing_ == 0 ? matched_ + i : first_difference_;
                ++differing_;
            }
        }
        matched_ += count;
        bytes = bytes.subspan(count);
        if (matched_ < probe.bytes.size()) {
            break;
        }
        result.replies.push_back({.sequence = probe.sequence,
                                  .size = probe.bytes.size(),
                                  .round_trip = now - probe.sent_at,
                                  .overdue = overdue_count_ > 0,
                                  .duplicate = false,
                                  .reordered = false,
                                  .differing_bytes = differing_,
                                  .first_difference = first_difference_});
        overdue_count_ -= overdue_count_ > 0 ? 1 : 0;
        matched_ = differing_ = first_difference_ = 0;
        probes_.pop_front();
    }
    if (!bytes.empty()) {
        result.foreign_bytes = bytes.size();
    }
    return result;
}

std::vector<std::uint64_t> StreamProbes::expire(ProbeTime now) {
    std::vector<std::uint64_t> numbers;
    while (overdue_count_ < probes_.size() && probes_[overdue_count_].sent_at + timeout_ <= now) {
        numbers.push_back(probes_[overdue_count_++].sequence);
    }
    return numbers;
}

std::optional<ProbeTime> StreamProbes::next_expiry() const {
    if (waiting() == 0) {
        return std::nullopt;
    }
    return probes_[overdue_count_].sent_at + timeout_;
}

std::vector<std::uint64_t> StreamProbes::abandon() {
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = overdue_count_; i < probes_.size(); ++i) {
        numbers.push_back(probes_[i].sequence);
    }
    probes_.clear();
    overdue_count_ = matched_ = differing_ = first_difference_ = 0;
    return numbers;
}

}  // namespace mynah::client
