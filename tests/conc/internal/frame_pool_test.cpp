#include "conc/internal/frame_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::conc::internal {
namespace {

using Block = std::pair<void*, std::size_t>;

std::vector<Block> allocate_many() {
    std::vector<Block> blocks;
    for (std::size_t bytes = 1; bytes <= 3000; bytes += 7) {
        void* memory = allocate_frame(bytes);
        std::memset(memory, static_cast<int>(bytes & 0x7F), bytes);
        blocks.emplace_back(memory, bytes);
    }
    return blocks;
}

void check_and_free(const std::vector<Block>& blocks) {
    for (const auto& [memory, bytes] : blocks) {
        const auto* first = static_cast<const unsigned char*>(memory);
        EXPECT_EQ(first[0], bytes & 0x7F);
        EXPECT_EQ(first[bytes - 1], bytes & 0x7F);
        free_frame(memory, bytes);
    }
}

TEST(FramePool, BlocksAreAlignedAndDoNotOverlap) {
    const std::vector<Block> blocks = allocate_many();
    std::set<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
    for (const auto& [memory, bytes] : blocks) {
        const auto begin = reinterpret_cast<std::uintptr_t>(memory);
        EXPECT_EQ(begin % alignof(std::max_align_t), 0U);
        ranges.emplace(begin, begin + bytes);
    }
    std::uintptr_t end = 0;
    for (const auto& range : ranges) {
        EXPECT_LE(end, range.first);
        end = range.second;
    }
    check_and_free(blocks);
}

TEST(FramePool, BlocksMayBeFreedByAnotherThread) {
    for (int round = 0; round < 20; ++round) {
        const std::vector<Block> blocks = allocate_many();
        std::thread other([&blocks] {
            check_and_free(blocks);
            check_and_free(allocate_many());
        });
        other.join();
    }
}

TEST(FramePool, AListKeepsABoundedNumberOfBlocks) {
    std::vector<void*> blocks;
    for (int i = 0; i < 20'000; ++i) {
        blocks.push_back(allocate_frame(100));
    }
    for (void* block : blocks) {
        free_frame(block, 100);
    }
    check_and_free(allocate_many());
}

}  // namespace
}  // namespace mynah::conc::internal
