// frame_pool.hpp -- memory for coroutine frames and task records.
//
// What     free lists by size class, one set a thread: a frame freed on another thread joins that thread's list. What a
//          thread frees and does not need again goes to the others by the batch.
// Threads  every function, from any thread.
// Errors   allocate_frame throws std::bad_alloc.
// Cost     a few instructions while the list has a block; one short lock for 64 blocks otherwise. The program keeps
//          what it needed at its peak for the frames to come, as Go keeps the descriptors of its goroutines.
// Differs  under AddressSanitizer every block comes from the heap, so that a use after free is seen.
#pragma once

#include <cstddef>

namespace mynah::conc::internal {

void* allocate_frame(std::size_t bytes);
void free_frame(void* memory, std::size_t bytes) noexcept;

}  // namespace mynah::conc::internal
