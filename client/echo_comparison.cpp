#include "client/echo_comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace mynah::client {

void EchoComparison::expect(Chunk chunk) {
    if (!chunk.bytes->empty()) {
        chunk_ = std::move(chunk);
        position_ = 0;
    }
}

std::size_t EchoComparison::compare(std::span<const std::byte> returned) {
    if (!chunk_) {
        return 0;
    }
    const auto awaited = std::span(*chunk_->bytes).subspan(position_);
    const std::size_t count = std::min(awaited.size(), returned.size());
    if (count > 0 && std::memcmp(awaited.data(), returned.data(), count) != 0) {
        note_differences(awaited.first(count), returned.first(count));
    }
    compared_bytes_ += count;
    position_ += count;
    if (position_ == chunk_->bytes->size()) {
        chunk_.reset();
    }
    return count;
}

std::size_t EchoComparison::awaited_bytes() const {
    return chunk_ ? chunk_->bytes->size() - position_ : 0;
}

void EchoComparison::note_differences(std::span<const std::byte> sent, std::span<const std::byte> returned) {
    for (std::size_t i = 0; i < sent.size(); ++i) {
        if (sent[i] == returned[i]) {
            continue;
        }
        ++differing_bytes_;
        if (!first_difference_) {
            first_difference_ = Difference{.offset = compared_bytes_ + i, .sent = sent[i], .returned = returned[i]};
        }
    }
}

}  // namespace mynah::client
