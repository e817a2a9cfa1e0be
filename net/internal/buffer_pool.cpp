#include "net/internal/buffer_pool.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <new>

#include <malloc.h>

namespace mynah::net::internal {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kPooled = false;
#else
constexpr bool kPooled = true;
#endif
#else
constexpr bool kPooled = true;
#endif

constexpr std::size_t kSizes = std::bit_width(kLargestBuffer) - std::bit_width(kSmallestBuffer) + 1;

std::size_t size_class(std::size_t capacity) noexcept {
    return static_cast<std::size_t>(std::bit_width(capacity) - std::bit_width(kSmallestBuffer));
}

std::byte* allocate(std::size_t capacity) {
    return static_cast<std::byte*>(::operator new(capacity));
}
void release(std::byte* buffer, std::size_t capacity) noexcept {
    ::operator delete(buffer, capacity);
}

/// A free buffer's first bytes.
struct FreeBuffer {
    FreeBuffer* next;
};

class Pool {
  public:
    Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        gone_ = true;
        for (std::size_t i = 0; i < kSizes; ++i) {
            while (std::byte* buffer = pop(i)) {
                release(buffer, kSmallestBuffer << i);
            }
        }
    }

    std::byte* pop(std::size_t size) noexcept {
        FreeBuffer* first = free_[size];
        if (first == nullptr) {
            return nullptr;
        }
        free_[size] = first->next;
        --kept_[size];
        return static_cast<std::byte*>(static_cast<void*>(first));
    }

    std::size_t given_to_heap = 0;  // bytes

    /// False where the list is long enough, or the thread is ending.
    bool push(std::byte* buffer, std::size_t size) noexcept {
        if (gone_ || kept_[size] >= std::max<std::size_t>(1, kKeptBytes / (kSmallestBuffer << size))) {
            return false;
        }
        free_[size] = ::new (static_cast<void*>(buffer)) FreeBuffer{free_[size]};
        ++kept_[size];
        return true;
    }

  private:
    std::array<FreeBuffer*, kSizes> free_{};
    std::array<std::size_t, kSizes> kept_{};
    bool gone_ = false;  // a lease may be destroyed after the thread's own variables
};

thread_local Pool this_thread_pool;

}  // namespace

// Clang caches the address of a thread-local across a suspension, hence functions that no coroutine can look into.
[[gnu::noinline]] std::byte* take_buffer(std::size_t capacity) {
    if constexpr (kPooled) {
        if (std::byte* buffer = this_thread_pool.pop(size_class(capacity)); buffer != nullptr) {
            return buffer;
        }
    }
    return allocate(capacity);
}

[[gnu::noinline]] void give_buffer(std::byte* buffer, std::size_t capacity) noexcept {
    if constexpr (kPooled) {
        if (this_thread_pool.push(buffer, size_class(capacity))) {
            return;
        }
        this_thread_pool.given_to_heap += capacity;
    }
    release(buffer, capacity);
}

[[gnu::noinline]] std::size_t bytes_given_to_heap() noexcept {
    return this_thread_pool.given_to_heap;
}

[[gnu::noinline]] void trim_heap() noexcept {
    this_thread_pool.given_to_heap = 0;
    ::malloc_trim(0);
}

}  // namespace mynah::net::internal
