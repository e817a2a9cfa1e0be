// echo_comparison.hpp -- compares what came back with what was sent, while both are still on their way.
//
// What     EchoComparison is given the bytes that were sent, a Chunk at a time, and the bytes that came back, in any
//          pieces; it counts the bytes that differ and remembers the first.
// Threads  one at a time. A Chunk's bytes are constant: its sender and the comparison share them.
// Cost     linear; holds one chunk.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace mynah::client {

/// Bytes that were handed to the connection, kept until they are back.
struct Chunk {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    std::chrono::steady_clock::time_point handed_over;
};

struct Difference {
    std::uint64_t offset = 0;  // of the byte in all that was sent, from 0
    std::byte sent{};
    std::byte returned{};
};

class EchoComparison {
  public:
    /// True when every byte of every chunk so far is back.
    bool exhausted() const { return !chunk_; }

    /// The next bytes that must come back. Only when exhausted().
    void expect(Chunk chunk);

    /// Compares the front of `returned` with what is left of the chunk; returns how many bytes were compared, which is
    /// 0 only when exhausted() or when there is nothing to compare.
    std::size_t compare(std::span<const std::byte> returned);

    /// The chunk under comparison, if any, and how much of it is not back yet.
    const std::optional<Chunk>& chunk() const { return chunk_; }
    std::size_t awaited_bytes() const;

    std::uint64_t compared_bytes() const { return compared_bytes_; }
    std::uint64_t differing_bytes() const { return differing_bytes_; }
    const std::optional<Difference>& first_difference() const { return first_difference_; }

  private:
    void note_differences(std::span<const std::byte> sent, std::span<const std::byte> returned);

    // Invariant: chunk_ is set only while some of its bytes are awaited: position_ < chunk_->bytes->size().
    std::optional<Chunk> chunk_;
    std::size_t position_ = 0;
    std::uint64_t compared_bytes_ = 0;
    std::uint64_t differing_bytes_ = 0;
    std::optional<Difference> first_difference_;
};

}  // namespace mynah::client
