// expected_bytes.hpp -- the bytes that a connection has sent: those that are still to come back, and some before them.
//
// What     a window over the stream, which moves on with forget_before().
// Threads  one at a time.
// Memory   what was appended and not forgotten, and as much again at most.
// Cost     a copy of what is appended; each byte is moved once more at most, on the average.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mynah::client::watch {

class ExpectedBytes {
  public:
    /// `history`: how many bytes before the position that is given to forget_before() are kept all the same.
    explicit ExpectedBytes(std::size_t history) : history_(history) {}

    void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

    void drop_last(std::size_t count) { bytes_.resize(bytes_.size() - count); }

    /// The window's first position, and the one behind its last.
    std::uint64_t begin() const noexcept { return begin_; }
    std::uint64_t end() const noexcept { return begin_ + bytes_.size() - skipped_; }

    std::span<const std::byte> all() const noexcept { return std::span(bytes_).subspan(skipped_); }
    /// `position` is within the window, or its end.
    std::span<const std::byte> from(std::uint64_t position) const noexcept {
        return all().subspan(static_cast<std::size_t>(position - begin_));
    }
    std::byte at(std::uint64_t position) const noexcept { return from(position).front(); }

    void forget_before(std::uint64_t position) {
        if (position <= begin_ + history_) {
            return;
        }
        skipped_ += static_cast<std::size_t>(position - history_ - begin_);
        begin_ = position - history_;
        if (skipped_ >= kWorthMoving && skipped_ * 2 >= bytes_.size()) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(skipped_));
            skipped_ = 0;
        }
    }

  private:
    static constexpr std::size_t kWorthMoving = 4096;

    std::size_t history_;
    std::uint64_t begin_ = 0;
    std::size_t skipped_ = 0;  // of bytes_, before the window
    std::vector<std::byte> bytes_;
};

}  // namespace mynah::client::watch
