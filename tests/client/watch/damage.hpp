// damage.hpp -- a network that damages a stream at random, and knows what it did.
//
// What     Damage takes a stream and makes of it what comes back: each byte remembers where it comes from. counts() is
//          an account of that by the definitions of ByteCounts alone: it neither searches nor compares streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "client/watch/byte_counts.hpp"
#include "tests/client/watch/probe_stream.hpp"

namespace mynah::client::watch::testing_support {

class Damage {
  public:
    Damage(const Bytes& sent, unsigned seed);

    /// Faults of every kind, at least `spacing` untouched bytes apart and from both ends. Returns what was done.
    std::string do_harm(std::size_t faults, std::size_t spacing);

    Bytes received() const;
    /// For a stream that ends with FIN.
    ByteCounts counts() const;

  private:
    struct Origin {
        std::byte value;
        std::optional<std::uint64_t> offset;  // in the stream that was sent; nullopt: from elsewhere
        bool is_misdelivered = false;
    };

    std::size_t draw(std::size_t least, std::size_t most);
    std::string harm_at(std::size_t begin, std::size_t most);
    void put(std::size_t at, std::vector<Origin> more);

    const Bytes& sent_;
    std::mt19937 random_;
    std::vector<Origin> stream_;
};

}  // namespace mynah::client::watch::testing_support
