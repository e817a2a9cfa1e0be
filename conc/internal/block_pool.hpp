// block_pool.hpp -- what the pools of frames and of task records have in common.
//
// What     free lists by size class, one set a thread: a block freed on another thread joins that thread's list. What a
//          thread frees and does not need again goes to the others by the batch. A Kind has kHeaderBytes, the bytes at
//          the beginning of each block that stay as they are when it is freed, and prepare(), which is told of each
//          new chunk of blocks.
// Threads  a ThreadPool belongs to its thread; a Depot to all.
// Errors   allocating throws std::bad_alloc.
// Cost     a few instructions while the list has a block; one short lock for 64 blocks otherwise.
// Differs  under AddressSanitizer every block comes from the heap, so that a use after free is seen.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "conc/internal/annotations.hpp"
#include "conc/internal/spin_lock.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define MYNAH_CONC_NO_POOL 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MYNAH_CONC_NO_POOL 1
#endif
#endif

namespace mynah::conc::internal {

#if defined(MYNAH_CONC_NO_POOL)
inline constexpr bool kPooled = false;
#else
inline constexpr bool kPooled = true;
#endif

inline constexpr std::size_t kClassBytes = 16;  // what the heap aligns to
inline constexpr std::size_t kClasses = 64;     // up to 1 KiB; larger blocks come from the heap
inline constexpr std::uint32_t kBatchBlocks = 64;
inline constexpr std::size_t kFirstChunkBytes = std::size_t{4} << 10U;
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

/// The class of a block; kClasses or more where it is to come from the heap.
constexpr std::size_t size_class_of(std::size_t bytes) {
    return kPooled ? (bytes - 1) / kClassBytes : kClasses;
}

/// A free block. The first one of a batch leads to the next batch in the depot.
struct FreeBlock {
    FreeBlock* next = nullptr;
    FreeBlock* next_batch = nullptr;
};

/// Blocks from `this` to `end` that were never used.
struct Chunk {
    Chunk* next = nullptr;
    std::byte* end = nullptr;
};
static_assert(sizeof(FreeBlock) <= kClassBytes && sizeof(Chunk) <= kClassBytes);

/// Batches that one thread freed and another may use, and what threads that have ended left of their chunks. These are
/// the only blocks that threads exchange, so that a lock is taken once in kBatchBlocks. Constant-initialised and never
/// destroyed: threads end after static objects, too.
class Depot {
  public:
    void give(FreeBlock* batch) noexcept {
        const SpinGuard guard(lock_);
        batch->next_batch = batches_;
        batches_ = batch;
    }
    void give(Chunk* chunk) noexcept {
        const SpinGuard guard(lock_);
        chunk->next = chunks_;
        chunks_ = chunk;
    }

    /// nullptr: there is none.
    FreeBlock* take_batch() noexcept {
        const SpinGuard guard(lock_);
        FreeBlock* batch = batches_;
        if (batch != nullptr) {
            batches_ = batch->next_batch;
        }
        return batch;
    }
    Chunk* take_chunk() noexcept {
        const SpinGuard guard(lock_);
        Chunk* chunk = chunks_;
        if (chunk != nullptr) {
            chunks_ = chunk->next;
        }
        return chunk;
    }

  private:
    SpinLock lock_;
    FreeBlock* batches_ MYNAH_GUARDED_BY(lock_) = nullptr;
    Chunk* chunks_ MYNAH_GUARDED_BY(lock_) = nullptr;
};

template <class Kind>
constinit inline std::array<Depot, kClasses> depots;

/// One thread's blocks of one class: two lists of at most a batch each, so that a task which allocates and frees around
/// the end of one does not go to the depot each time; and a chunk that was never used.
template <class Kind>
class ClassPool {
  public:
    void* allocate(std::size_t size_class) {
        if (first_ == nullptr && !refill(size_class)) {
            return carve(size_class);
        }
        FreeBlock* block = first_;
        first_ = block->next;
        --count_;
        return block;
    }

    void free(void* memory, std::size_t size_class) noexcept {
        if (count_ >= kBatchBlocks) {
            if (spare_ != nullptr) {
                depots<Kind>[size_class].give(spare_);
            }
            spare_ = std::exchange(first_, nullptr);
            count_ = 0;
        }
        first_ = ::new (memory) FreeBlock{.next = first_};
        ++count_;
    }

    /// Leaves everything to the other threads.
    void give_all(std::size_t size_class) noexcept {
        for (FreeBlock* batch : {std::exchange(first_, nullptr), std::exchange(spare_, nullptr)}) {
            if (batch != nullptr) {
                depots<Kind>[size_class].give(batch);
            }
        }
        count_ = 0;
        if (chunk_left() >= usable_bytes(size_class)) {
            depots<Kind>[size_class].give(::new (chunk_) Chunk{.end = chunk_end_});
        }
        chunk_ = chunk_end_ = nullptr;
    }

  private:
    // A block begins with what its kind keeps there for good; what is handed out, and linked while it is free, comes
    // after that.
    static constexpr std::size_t block_bytes(std::size_t size_class) { return (size_class + 1) * kClassBytes; }
    static constexpr std::size_t usable_bytes(std::size_t size_class) {
        return std::max(block_bytes(size_class) - Kind::kHeaderBytes, kClassBytes);  // a free block is linked
    }
    std::size_t chunk_left() const noexcept { return static_cast<std::size_t>(chunk_end_ - chunk_); }

    bool refill(std::size_t size_class) noexcept {
        first_ = std::exchange(spare_, nullptr);
        if (first_ == nullptr && chunk_left() < usable_bytes(size_class)) {
            first_ = depots<Kind>[size_class].take_batch();
        }
        // A batch is shorter where its thread has ended: then the next one is given away a little early.
        count_ = first_ == nullptr ? 0 : kBatchBlocks;
        return first_ != nullptr;
    }

    void* carve(std::size_t size_class) {
        if (chunk_left() < usable_bytes(size_class)) {
            if (Chunk* left = depots<Kind>[size_class].take_chunk(); left != nullptr) {
                chunk_ = reinterpret_cast<std::byte*>(left);
                chunk_end_ = left->end;
            } else {
                std::byte* made = make_chunk(chunk_bytes_);
                Kind::prepare(made, chunk_bytes_ / block_bytes(size_class), block_bytes(size_class));
                chunk_ = made + Kind::kHeaderBytes;
                chunk_end_ = made + chunk_bytes_;
                chunk_bytes_ = std::min(chunk_bytes_ * 2, kHugePageBytes);
            }
        }
        std::byte* block = chunk_;
        chunk_ += std::min(block_bytes(size_class), chunk_left());
        return block;
    }

    static std::byte* make_chunk(std::size_t bytes) {
        if (bytes < kHugePageBytes) {
            return static_cast<std::byte*>(::operator new(bytes));
        }
        void* chunk = ::operator new(bytes, std::align_val_t{kHugePageBytes});
        // One page fault instead of 512. Where the kernel has no huge pages, small ones do.
        static_cast<void>(::madvise(chunk, bytes, MADV_HUGEPAGE));
        return static_cast<std::byte*>(chunk);
    }

    FreeBlock* first_ = nullptr;
    std::uint32_t count_ = 0;  // of first_
    FreeBlock* spare_ = nullptr;
    std::byte* chunk_ = nullptr;
    std::byte* chunk_end_ = nullptr;
    std::size_t chunk_bytes_ = kFirstChunkBytes;  // of the next chunk
};

template <class Kind>
class ThreadPool {
  public:
    ThreadPool() = default;
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool() {
        for (std::size_t i = 0; i < kClasses; ++i) {
            classes_[i].give_all(i);
        }
    }

    /// To be called by functions that no coroutine inlines: Clang caches the
    /// address of a thread-local across a suspension.
    static ThreadPool& of_this_thread() {
        ThreadPool* pool = current_;
        return pool != nullptr ? *pool : make();
    }

    void* allocate(std::size_t size_class) { return classes_[size_class].allocate(size_class); }
    void free(void* memory, std::size_t size_class) noexcept { classes_[size_class].free(memory, size_class); }

  private:
    // Blocks freed after its destructor, by static objects, join lists that nobody uses any more.
    [[gnu::noinline, gnu::cold]] static ThreadPool& make() {
        thread_local ThreadPool pool;
        current_ = &pool;
        return pool;
    }

    // Without a constructor, so that a look at it asks for nothing else.
    static constinit inline thread_local ThreadPool* current_ = nullptr;

    std::array<ClassPool<Kind>, kClasses> classes_;
};

}  // namespace mynah::conc::internal
