// byte_counts.hpp -- what became of each byte that was sent, and of each that came.
#pragma once

#include <cstdint>

namespace mynah::client::watch {

/// Invariant, once a connection has ended: sent is the sum of the five that follow it.
struct ByteCounts {
    std::uint64_t sent = 0;
    std::uint64_t echoed = 0;          // came back as they were sent, in their place
    std::uint64_t unacknowledged = 0;  // not back when the peer ended the connection cleanly: with FIN
    std::uint64_t reset = 0;           // not back when the connection was reset
    std::uint64_t silent = 0;          // not back, though later ones are, or though time enough has passed
    std::uint64_t corrupted = 0;       // another value came back in their place

    // Of what came back besides:
    std::uint64_t duplicated = 0;    // again what had come
    std::uint64_t misdelivered = 0;  // frames of another connection
    std::uint64_t reordered = 0;  // behind later ones. In a stream their place was given up before: they are silent too
    std::uint64_t foreign = 0;    // none of all these

    bool is_balanced() const noexcept { return sent == echoed + unacknowledged + reset + silent + corrupted; }

    ByteCounts& operator+=(const ByteCounts& other) noexcept {
        sent += other.sent;
        echoed += other.echoed;
        unacknowledged += other.unacknowledged;
        reset += other.reset;
        silent += other.silent;
        corrupted += other.corrupted;
        duplicated += other.duplicated;
        misdelivered += other.misdelivered;
        reordered += other.reordered;
        foreign += other.foreign;
        return *this;
    }
    friend bool operator==(const ByteCounts&, const ByteCounts&) = default;
};

}  // namespace mynah::client::watch
