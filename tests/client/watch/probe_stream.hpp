// probe_stream.hpp -- what a connection of a watch sends, for tests of what reads it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "net/probe_frame.hpp"

namespace mynah::client::watch::testing_support {

inline constexpr std::uint64_t kRun = 0xFEEDFACECAFEBEEF;
inline constexpr std::uint64_t kConnection = 0x0123456789ABCDEF;

using Bytes = std::vector<std::byte>;

/// Frames back to back, each at the offset where it stands, ten a second.
class ProbeStream {
  public:
    explicit ProbeStream(std::uint64_t connection = kConnection) : connection_(connection) {}

    /// The next frame.
    Bytes next(std::uint32_t payload_bytes) {
        const auto time = std::chrono::nanoseconds(1'800'000'000'123'456'789 + 100'000'123 * sequence_);
        Bytes bytes;
        net::append_probe({.run = kRun,
                           .connection = connection_,
                           .sequence = static_cast<std::uint64_t>(sequence_),
                           .offset = offset_,
                           .planned = time,
                           .sent = time + std::chrono::nanoseconds(31'234 + sequence_ * 77 % 1000),
                           .payload_bytes = payload_bytes},
                          bytes);
        ++sequence_;
        offset_ += bytes.size();
        return bytes;
    }

    Bytes frames(std::size_t count, std::uint32_t payload_bytes) {
        Bytes all;
        for (std::size_t i = 0; i < count; ++i) {
            const Bytes one = next(payload_bytes);
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    }

  private:
    std::uint64_t connection_;
    std::int64_t sequence_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace mynah::client::watch::testing_support
