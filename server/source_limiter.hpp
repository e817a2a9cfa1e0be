// source_limiter.hpp -- how many datagrams each source gets back: a token bucket for every address.
// What     admit(host) takes a token from the bucket of that host, if it has one. A bucket holds `burst` tokens and
//          gets `rate` new ones a second. One IPv4 address is one source, and so is one IPv6 network of 64 bits, as a
//          host has all of its addresses to choose from.
// Threads  every member, from any worker.
// Bounds   a table of `sources` entries, made at once. A new source takes the place of the one with the fullest bucket
//          of the eight that it may stand in: so one that is over its rate is not forgotten for a flood of forged ones.
// Cost     one short lock, and eight entries that stand together in memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace mynah::server {

class SourceLimiter {
  public:
    using Host = std::array<std::byte, 16>;  // IPv4 addresses as ::ffff:a.b.c.d

    struct Options {
        std::uint64_t rate;     // tokens a second; 0: everything is admitted
        std::uint64_t burst;    // at least 1
        std::uint64_t sources;  // rounded up to a power of two, at least 8
    };

    /// `seed` keeps a stranger from knowing which sources share a place.
    SourceLimiter(Options options, std::uint64_t seed);

    /// `now_ns` is from a clock that does not go back.
    bool admit(const Host& host, std::int64_t now_ns);

    bool limits() const noexcept { return options_.rate != 0; }

  private:
    static constexpr std::size_t kWays = 8;

    /// A bucket as the time at which it will be full again, if nothing is taken from it until then; so one that was
    /// full in the past is as good as a new one, and its place is free.
    struct Entry {
        Host host{};
        std::int64_t full_at_ns = 0;
    };
    using Set = std::array<Entry, kWays>;

    Set& set_of(const Host& host) noexcept;

    const Options options_;
    const std::uint64_t seed_;
    const std::int64_t token_ns_;
    std::mutex mutex_;
    std::vector<Set> sets_;  // guarded by mutex_
};

}  // namespace mynah::server
