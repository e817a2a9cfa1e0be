#include "conc/internal/frame_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "conc/internal/task_record.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define MYNAH_CONC_NO_POOL 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MYNAH_CONC_NO_POOL 1
#endif
#endif

namespace mynah::conc::internal {
#if !defined(MYNAH_CONC_NO_POOL)
namespace {

constexpr std::size_t kClassBytes = 32;
constexpr std::size_t kClasses = 32;  // up to 1 KiB; larger frames come from the heap
constexpr std::uint32_t kBlocksKept = 4096;

struct FreeBlock {
    FreeBlock* next;
};

/// One thread's free lists. The blocks go back to the heap when the thread ends.
class Pool {
  public:
    Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        for (List& list : lists_) {
            while (list.first != nullptr) {
                FreeBlock* block = list.first;
                list.first = block->next;
                ::operator delete(block);
            }
            // Frames freed later than this (static objects of the program) go straight to the heap.
            list.blocks = kBlocksKept;
        }
    }

    void* allocate(std::size_t size_class) {
        List& list = lists_[size_class];
        if (list.first == nullptr) {
            return ::operator new((size_class + 1) * kClassBytes);
        }
        FreeBlock* block = list.first;
        list.first = block->next;
        --list.blocks;
        return block;
    }

    void free(void* memory, std::size_t size_class) noexcept {
        List& list = lists_[size_class];
        if (list.blocks >= kBlocksKept) {
            ::operator delete(memory);
            return;
        }
        list.first = ::new (memory) FreeBlock{list.first};
        ++list.blocks;
    }

  private:
    struct List {
        FreeBlock* first = nullptr;
        std::uint32_t blocks = 0;
    };
    std::array<List, kClasses> lists_;
};

// Clang caches the address of a thread-local across a suspension, so it is only ever reached through this function.
[[gnu::noinline]] Pool& this_threads_pool() {
    thread_local Pool pool;
    return pool;
}

}  // namespace
#endif

void* allocate_frame(std::size_t bytes) {
#if !defined(MYNAH_CONC_NO_POOL)
    const std::size_t size_class = (bytes - 1) / kClassBytes;
    if (size_class < kClasses) {
        return this_threads_pool().allocate(size_class);
    }
#endif
    return ::operator new(bytes);
}

void free_frame(void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if !defined(MYNAH_CONC_NO_POOL)
    const std::size_t size_class = (bytes - 1) / kClassBytes;
    if (size_class < kClasses) {
        this_threads_pool().free(memory, size_class);
        return;
    }
#endif
    ::operator delete(memory);
}

void* TaskRecord::operator new(std::size_t size) {
    return allocate_frame(size);
}
void TaskRecord::operator delete(void* memory, std::size_t size) noexcept {
    free_frame(memory, size);
}

}  // namespace mynah::conc::internal
