#include "server/source_limiter.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace mynah::server {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

/// The finaliser of splitmix64.
std::uint64_t mix(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31U);
}

bool is_ipv4(const SourceLimiter::Host& host) noexcept {
    constexpr std::size_t kPrefix = 12;
    SourceLimiter::Host mapped{};
    mapped[10] = mapped[11] = std::byte{0xff};
    return std::memcmp(host.data(), mapped.data(), kPrefix) == 0;
}

/// What counts as one source.
SourceLimiter::Host source_of(SourceLimiter::Host host) noexcept {
    if (!is_ipv4(host)) {
        std::fill(host.begin() + 8, host.end(), std::byte{0});
    }
    return host;
}

}  // namespace

SourceLimiter::SourceLimiter(Options options, std::uint64_t seed)
    : options_(options),
      seed_(seed),
      token_ns_(options.rate == 0 ? 0 : std::max<std::int64_t>(1, kSecondNs / static_cast<std::int64_t>(options.rate))),
      sets_(options.rate == 0 ? 0 : std::max<std::size_t>(1, std::bit_ceil(options.sources) / kWays)) {}

SourceLimiter::Set& SourceLimiter::set_of(const Host& host) noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, host.data(), sizeof(high));
    std::memcpy(&low, &host[8], sizeof(low));
    return sets_[mix(mix(high ^ seed_) ^ low) & (sets_.size() - 1)];
}

bool SourceLimiter::admit(const Host& host, std::int64_t now_ns) {
    if (!limits()) {
        return true;
    }
    const Host source = source_of(host);
    const std::scoped_lock guard(mutex_);
    Set& set = set_of(source);
    auto entry = std::ranges::find(set, source, &Entry::host);
    if (entry == set.end()) {
        entry = std::ranges::min_element(set, {}, &Entry::full_at_ns);
        *entry = {.host = source, .full_at_ns = now_ns};
    }
    const std::int64_t full_at = std::max(entry->full_at_ns, now_ns);
    if (full_at - now_ns > token_ns_ * static_cast<std::int64_t>(options_.burst - 1)) {
        return false;
    }
    entry->full_at_ns = full_at + token_ns_;
    return true;
}

}  // namespace mynah::server
