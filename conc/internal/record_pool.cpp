#include "conc/internal/record_pool.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>

#include "conc/internal/atomic.hpp"
#include "conc/internal/block_pool.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {
namespace {

/// A chunk of blocks. Never freed, like the blocks.
struct RecordChunk {
    std::byte* begin = nullptr;
    std::size_t blocks = 0;
    std::size_t block_bytes = 0;
    RecordChunk* next = nullptr;
};

constinit Atomic<RecordChunk*> chunks{nullptr};

struct Records {
    static constexpr std::size_t kHeaderBytes = sizeof(RecordHeader);

    static void prepare(std::byte* chunk, std::size_t blocks, std::size_t block_bytes) {
        for (std::size_t i = 0; i < blocks; ++i) {
            ::new (chunk + i * block_bytes) RecordHeader;
        }
        auto made = std::make_unique<RecordChunk>(
            RecordChunk{.begin = chunk, .blocks = blocks, .block_bytes = block_bytes, .next = chunks.load(kRelaxed)});
        RecordChunk* added = made.release();
        // release: publishes the headers.
        while (!chunks.compare_exchange_weak(added->next, added, kRelease, kRelaxed)) {
        }
    }
};
static_assert(sizeof(RecordHeader) % kClassBytes == 0, "what follows a header is as aligned as the block");

/// A record that is too large for the pool, on a list of its own.
struct LargeRecord {
    LargeRecord* previous = nullptr;
    LargeRecord* next = nullptr;
    RecordHeader header;  // last: the record follows
};
static_assert(sizeof(LargeRecord) == 2 * sizeof(void*) + sizeof(RecordHeader));

std::mutex large_mutex;
constinit LargeRecord* large_records = nullptr;  // guarded by large_mutex

void* allocate_large(std::size_t bytes) {
    auto* made = ::new (::operator new(sizeof(LargeRecord) + bytes)) LargeRecord;
    const std::scoped_lock guard(large_mutex);
    made->next = large_records;
    if (large_records != nullptr) {
        large_records->previous = made;
    }
    large_records = made;
    return made + 1;
}

void free_large(void* memory) noexcept {
    LargeRecord* gone = static_cast<LargeRecord*>(memory) - 1;
    {
        const std::scoped_lock guard(large_mutex);
        (gone->previous == nullptr ? large_records : gone->previous->next) = gone->next;
        if (gone->next != nullptr) {
            gone->next->previous = gone->previous;
        }
    }
    ::operator delete(gone);
}

void visit_if_owned(const SchedulerCore& owner, RecordHeader& header, const std::function<void(TaskRecord&)>& visit) {
    // acquire: pairs with Worker::enlist(), which has filled in the record.
    if (header.owner.load(kAcquire) == &owner) {
        void* record = &header + 1;
        visit(*static_cast<TaskRecord*>(record));
    }
}

}  // namespace

void* allocate_record(std::size_t bytes) {
    const std::size_t size_class = size_class_of(bytes + Records::kHeaderBytes);
    if (size_class < kClasses) [[likely]] {
        return ThreadPool<Records>::of_this_thread().allocate(size_class);
    }
    return allocate_large(bytes);
}

void free_record(void* memory, std::size_t bytes) noexcept {
    const std::size_t size_class = size_class_of(bytes + Records::kHeaderBytes);
    if (size_class < kClasses) [[likely]] {
        ThreadPool<Records>::of_this_thread().free(memory, size_class);
        return;
    }
    free_large(memory);
}

void visit_records(const SchedulerCore& owner, const std::function<void(TaskRecord&)>& visit) {
    for (const RecordChunk* chunk = chunks.load(kAcquire); chunk != nullptr; chunk = chunk->next) {
        for (std::size_t i = 0; i < chunk->blocks; ++i) {
            void* block = chunk->begin + i * chunk->block_bytes;
            visit_if_owned(owner, *static_cast<RecordHeader*>(block), visit);
        }
    }
    const std::scoped_lock guard(large_mutex);
    for (LargeRecord* large = large_records; large != nullptr; large = large->next) {
        visit_if_owned(owner, large->header, visit);
    }
}

void* TaskRecord::operator new(std::size_t size) {
    return allocate_record(size);
}
void TaskRecord::operator delete(void* memory, std::size_t size) noexcept {
    free_record(memory, size);
}

}  // namespace mynah::conc::internal
