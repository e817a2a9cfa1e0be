#include "client/load/fault.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/load/pattern.hpp"

namespace mynah::client::load {
namespace {

// Enough to tell chance from order: of 16 random bytes, hardly one is right.
constexpr std::size_t kFewestToJudge = 16;
constexpr std::size_t kMostToJudge = 256;

std::uint64_t count_differing(std::span<const std::byte> one, std::span<const std::byte> other) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        count += one[i] != other[i] ? 1U : 0U;
    }
    return count;
}

}  // namespace

std::string_view name_of(FaultKind kind) noexcept {
    switch (kind) {
        case FaultKind::changed:
            return "changed";
        case FaultKind::lost:
            return "lost";
        case FaultKind::repeated:
            return "repeated";
        case FaultKind::foreign:
            return "foreign";
        case FaultKind::surplus:
            return "surplus";
    }
    return "unknown";
}

std::string describe(const Fault& fault) {
    std::string text = fmt::format("connection {}, ", fault.connection);
    if (fault.datagram > 0) {
        text += fmt::format("datagram {}, ", fault.datagram);
    }
    text += fmt::format("offset {}: ", fault.offset);
    switch (fault.kind) {
        case FaultKind::changed:
            text += count_bytes(fault.bytes) + " changed";
            break;
        case FaultKind::lost:
            text += count_bytes(fault.bytes) + " lost";
            if (fault.datagram > 0) {
                return text;  // nothing came in their place
            }
            break;
        case FaultKind::repeated:
            text += count_bytes(fault.bytes) + " came twice";
            break;
        case FaultKind::foreign:
            text += "bytes that were never sent here";
            break;
        case FaultKind::surplus:
            return text + count_bytes(fault.bytes) + " more than were sent";
    }
    return text + fmt::format(" (sent 0x{:02x}, got 0x{:02x})", fault.sent, fault.returned);
}

Fault diagnose(const Pattern& pattern, std::size_t position, std::span<const std::byte> returned,
               std::uint64_t received, std::uint64_t outstanding) {
    const auto sample = returned.first(std::min(returned.size(), kMostToJudge));
    const auto expected = pattern.window(position, sample.size());
    const std::uint64_t differing = count_differing(sample, expected);
    Fault fault{.kind = FaultKind::changed,
                .bytes = differing,
                .sent = std::to_integer<unsigned>(expected.front()),
                .returned = std::to_integer<unsigned>(sample.front())};
    if (sample.size() < kFewestToJudge || differing <= sample.size() / 2) {
        return fault;
    }
    fault.kind = FaultKind::foreign;
    fault.bytes = sample.size();
    const auto found = pattern.find(sample.first(kFewestToJudge));
    if (!found) {
        return fault;
    }
    const std::size_t ahead = Pattern::advance(*found, Pattern::kPeriod - position);
    const std::size_t behind = Pattern::kPeriod - ahead;
    if (ahead < behind && ahead < outstanding) {
        fault.kind = FaultKind::lost;
        fault.bytes = ahead;
    } else if (behind <= ahead && behind <= received) {
        fault.kind = FaultKind::repeated;
        fault.bytes = behind;
    }
    return fault;
}

Fault compare_datagrams(std::span<const std::byte> sent, std::span<const std::byte> returned) {
    const std::size_t common = std::min(sent.size(), returned.size());
    const std::uint64_t differing = count_differing(returned.first(common), sent.first(common));
    if (differing == 0) {
        const bool is_shorter = returned.size() < sent.size();
        return {.kind = is_shorter ? FaultKind::lost : FaultKind::surplus,
                .offset = common,
                .bytes = std::max(sent.size(), returned.size()) - common};
    }
    const auto [at_sent, at_returned] = std::ranges::mismatch(sent.first(common), returned.first(common));
    return {.kind = FaultKind::changed,
            .offset = static_cast<std::uint64_t>(at_sent - sent.begin()),
            .bytes = differing,
            .sent = std::to_integer<unsigned>(*at_sent),
            .returned = std::to_integer<unsigned>(*at_returned)};
}

}  // namespace mynah::client::load
