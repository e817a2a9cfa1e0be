#include "conc/internal/frame_pool.hpp"

#include <cstddef>
#include <new>

#include "conc/internal/block_pool.hpp"

namespace mynah::conc::internal {
namespace {

struct Frames {
    static constexpr std::size_t kHeaderBytes = 0;
    static void prepare(std::byte* /*chunk*/, std::size_t /*blocks*/, std::size_t /*block_bytes*/) noexcept {}
};

}  // namespace

// Neither may be inlined into a coroutine, see ThreadPool.
[[gnu::noinline]] void* allocate_frame(std::size_t bytes) {
    const std::size_t size_class = size_class_of(bytes);
    if (size_class < kClasses) [[likely]] {
        return ThreadPool<Frames>::of_this_thread().allocate(size_class);
    }
    return ::operator new(bytes);
}

[[gnu::noinline]] void free_frame(void* memory, std::size_t bytes) noexcept {
    const std::size_t size_class = size_class_of(bytes);
    if (size_class < kClasses) [[likely]] {
        ThreadPool<Frames>::of_this_thread().free(memory, size_class);
        return;
    }
    ::operator delete(memory);
}

}  // namespace mynah::conc::internal
