// fault_counts.hpp -- how many faults were committed, by kind, and how many bytes they changed, removed or added.
// What     FaultCounts is a plain value; FaultCounters is what all sessions add to, and snapshot() what it holds now.
// Bytes    short_write: written one by one; corrupt: changed; drop: not echoed; duplicate: echoed once more; fin,
//          reset, stall: read, and never echoed as the connection ended so.
// Threads  FaultCounters: every member, from any. The numbers of one snapshot need not be of one instant.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/fault/fault_rule.hpp"

namespace mynah::server {

struct FaultCounts {
    std::array<std::uint64_t, kFaultKinds> faults{};
    std::array<std::uint64_t, kFaultKinds> bytes{};

    std::uint64_t faults_of(FaultKind kind) const { return faults[static_cast<std::size_t>(kind)]; }
    std::uint64_t bytes_of(FaultKind kind) const { return bytes[static_cast<std::size_t>(kind)]; }

    void add(FaultKind kind, std::uint64_t more_faults, std::uint64_t more_bytes) {
        faults[static_cast<std::size_t>(kind)] += more_faults;
        bytes[static_cast<std::size_t>(kind)] += more_bytes;
    }

    friend bool operator==(const FaultCounts&, const FaultCounts&) = default;
};

class FaultCounters {
  public:
    void add(const FaultCounts& more) noexcept {
        for (std::size_t i = 0; i < kFaultKinds; ++i) {
            // Each stands for itself, so no order is needed.
            if (more.faults[i] != 0) {
                faults_[i].fetch_add(more.faults[i], std::memory_order_relaxed);
            }
            if (more.bytes[i] != 0) {
                bytes_[i].fetch_add(more.bytes[i], std::memory_order_relaxed);
            }
        }
    }

    void add(FaultKind kind, std::uint64_t faults, std::uint64_t bytes) noexcept {
        faults_[static_cast<std::size_t>(kind)].fetch_add(faults, std::memory_order_relaxed);
        bytes_[static_cast<std::size_t>(kind)].fetch_add(bytes, std::memory_order_relaxed);
    }

    FaultCounts snapshot() const noexcept {
        FaultCounts counts;
        for (std::size_t i = 0; i < kFaultKinds; ++i) {
            counts.faults[i] = faults_[i].load(std::memory_order_relaxed);
            counts.bytes[i] = bytes_[i].load(std::memory_order_relaxed);
        }
        return counts;
    }

  private:
    std::array<std::atomic<std::uint64_t>, kFaultKinds> faults_{};
    std::array<std::atomic<std::uint64_t>, kFaultKinds> bytes_{};
};

}  // namespace mynah::server
