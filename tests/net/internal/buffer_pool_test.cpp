// What the pool of a thread keeps, and what goes back to the heap and to the system.
#include "net/internal/buffer_pool.hpp"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mynah::net::internal {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;
constexpr bool kOwnHeap = true;
#elif defined(__SANITIZE_THREAD__)
constexpr bool kPooled = true;
constexpr bool kOwnHeap = true;
#elif defined(__has_feature)
constexpr bool kPooled = !__has_feature(address_sanitizer);
constexpr bool kOwnHeap = !kPooled || __has_feature(thread_sanitizer);
#else
constexpr bool kPooled = true;
constexpr bool kOwnHeap = false;
#endif

constexpr std::size_t kBytes = 4096;
constexpr std::size_t kBuffers = 4096;  // 16 MiB of them: many more than a thread keeps

std::size_t resident_kib() {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word) {
        if (word == "RssAnon:") {
            std::size_t kib = 0;
            status >> kib;
            return kib;
        }
    }
    return 0;
}

std::vector<std::byte*> take(std::size_t count) {
    std::vector<std::byte*> buffers;
    for (std::size_t i = 0; i < count; ++i) {
        buffers.push_back(take_buffer(kBytes));
        std::memset(buffers.back(), 1, kBytes);
    }
    return buffers;
}

void give_back(const std::vector<std::byte*>& buffers) {
    for (std::byte* buffer : buffers) {
        give_buffer(buffer, kBytes);
    }
}

TEST(BufferPool, CountsWhatItGivesToTheHeap) {
    trim_heap();
    give_back(take(kKeptBytes / kBytes));
    EXPECT_EQ(bytes_given_to_heap(), 0U);
    give_back(take(kKeptBytes / kBytes + 3));
    EXPECT_EQ(bytes_given_to_heap(), kPooled ? 3 * kBytes : 0);
    trim_heap();
    EXPECT_EQ(bytes_given_to_heap(), 0U);
}

TEST(BufferPool, TrimmingGivesABurstsMemoryToTheSystem) {
    trim_heap();
    const std::size_t before = resident_kib();
    const std::vector<std::byte*> burst = take(kBuffers);
    const std::vector<std::byte*> in_use = take(1);  // behind the others, so that the heap cannot just become shorter
    give_back(burst);
    trim_heap();
    const std::size_t after = resident_kib();
    give_back(in_use);
    if (!kOwnHeap) {  // a sanitizer's heap keeps what it has, and its shadow comes on top
        EXPECT_LT(after, before + kBuffers * kBytes / 1024 / 4);
    }
}

}  // namespace
}  // namespace mynah::net::internal
