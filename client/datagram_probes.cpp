#include "client/datagram_probes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/outstanding_probes.hpp"
#include "client/wire_number.hpp"
#include "net/split_mix.hpp"

namespace mynah::client {
namespace {

constexpr std::size_t kRunBytes = sizeof(std::uint32_t);

}  // namespace

Probe make_datagram_probe(std::uint32_t run, std::uint64_t sequence, ProbeTime now, std::size_t size) {
    Probe probe{.sequence = sequence, .sent_at = now, .bytes = std::vector<std::byte>(size)};
    const std::span<std::byte> bytes(probe.bytes);
    const auto low = static_cast<std::uint32_t>(sequence);
    put_number(bytes, run);
    put_number(bytes.subspan(kRunBytes), low);
    const std::uint64_t seed = net::split_mix((std::uint64_t{run} << 32U) | low);
    for (std::size_t i = kSmallestDatagramProbe; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(net::split_mix(seed + i / 8) >> (8 * (i % 8)));
    }
    return probe;
}

std::uint64_t widen_sequence(std::uint32_t low, std::uint64_t next) {
    constexpr std::uint64_t kWrap = std::uint64_t{1} << 32U;
    const std::uint64_t candidate = (next & ~(kWrap - 1)) | low;
    return candidate >= next && candidate >= kWrap ? candidate - kWrap : candidate;
}

DatagramProbes::DatagramProbes(std::uint32_t run, std::size_t size, std::chrono::nanoseconds timeout)
    : run_(run), size_(size), timeout_(timeout), sent_at_(kTimesKept) {}

void DatagramProbes::sent(Probe probe) {
    while (in_flight_.next() < probe.sequence) {
        in_flight_.skip();
    }
    sent_at_[probe.sequence % kTimesKept] = probe.sent_at;
    in_flight_.push(probe.sent_at);
}

Replies DatagramProbes::received(std::span<const std::byte> bytes, ProbeTime now) {
    const std::optional<std::uint64_t> sequence = number_of(bytes);
    const InFlight::Standing standing = sequence ? in_flight_.standing(*sequence) : InFlight::Standing::unsent;
    if (standing == InFlight::Standing::unsent) {
        return {.replies = {}, .foreign_bytes = bytes.size()};
    }
    Reply reply{.sequence = *sequence, .size = bytes.size(), .round_trip = {}};
    compare(bytes, reply);
    if (standing == InFlight::Standing::back) {
        reply.duplicate = true;
        if (in_flight_.next() - *sequence <= kTimesKept) {
            reply.round_trip = now - sent_at_[*sequence % kTimesKept];
        }
    } else {
        reply.overdue = standing == InFlight::Standing::lost;
        reply.round_trip = now - in_flight_.entry(*sequence);
        in_flight_.came_back(*sequence);
        if (!reply.overdue && reply.differing_bytes == 0) {
            // RFC 4737: it is later than one that was sent after it. What comes after the time limit was lost.
            reply.reordered = *sequence < highest_;
            highest_ = std::max(highest_, *sequence);
        }
    }
    Replies result;
    result.replies.push_back(reply);
    return result;
}

/// Nothing where it is none of this run's.
std::optional<std::uint64_t> DatagramProbes::number_of(std::span<const std::byte> bytes) const {
    if (bytes.size() < kSmallestDatagramProbe || get_number<std::uint32_t>(bytes) != run_) {
        return std::nullopt;
    }
    return widen_sequence(get_number<std::uint32_t>(bytes.subspan(kRunBytes)), in_flight_.next());
}

void DatagramProbes::compare(std::span<const std::byte> bytes, Reply& reply) const {
    const std::vector<std::byte> expected = make_datagram_probe(run_, reply.sequence, {}, size_).bytes;
    const std::size_t common = std::min(bytes.size(), expected.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (bytes[i] != expected[i]) {
            reply.first_difference = reply.differing_bytes == 0 ? i : reply.first_difference;
            ++reply.differing_bytes;
        }
    }
    if (const std::size_t other = std::max(bytes.size(), expected.size()) - common; other > 0) {
        reply.first_difference = reply.differing_bytes == 0 ? common : reply.first_difference;
        reply.differing_bytes += other;
    }
}

std::vector<std::uint64_t> DatagramProbes::expire(ProbeTime now) {
    std::vector<std::uint64_t> numbers;
    while (waiting() > 0 && in_flight_.oldest() + timeout_ <= now) {
        numbers.push_back(in_flight_.lose_oldest());
    }
    return numbers;
}

std::optional<ProbeTime> DatagramProbes::next_expiry() const {
    if (waiting() == 0) {
        return std::nullopt;
    }
    return in_flight_.oldest() + timeout_;
}

std::vector<std::uint64_t> DatagramProbes::abandon() {
    std::vector<std::uint64_t> numbers;
    if (waiting() > 0) {
        numbers.push_back(in_flight_.lose_oldest());
    }
    return numbers;
}

}  // namespace mynah::client
