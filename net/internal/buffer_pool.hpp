// buffer_pool.hpp -- where leases get their buffers.
//
// What     free lists by power of two, one set a thread, so a worker's buffers are those its cache has seen last; a
//          buffer given back on another thread joins that thread's list.
// Threads  every function, from any thread.
// Errors   take_buffer throws std::bad_alloc.
// Cost     a few instructions while the list has a buffer; a thread keeps at most kKeptBytes of each size.
// Differs  under AddressSanitizer every buffer comes from the heap, so that a use after the lease's end is seen.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace mynah::net::internal {

inline constexpr std::size_t kSmallestBuffer = 1024;
inline constexpr std::size_t kLargestBuffer = std::size_t{1} << 20U;
inline constexpr std::size_t kKeptBytes = std::size_t{1} << 18U;

/// The power of two that holds `bytes`, within the pool's bounds.
inline std::size_t buffer_capacity(std::size_t bytes) noexcept {
    return std::bit_ceil(std::clamp(bytes, kSmallestBuffer, kLargestBuffer));
}

/// `capacity` is what buffer_capacity() returned.
std::byte* take_buffer(std::size_t capacity);
void give_buffer(std::byte* buffer, std::size_t capacity) noexcept;

/// Bytes of buffers that this thread has given to the heap since the last trim_heap() here: its list was long enough.
std::size_t bytes_given_to_heap() noexcept;

/// Has the heap give its free pages to the system, which it does not do by itself where something in use lies behind
/// them. Takes milliseconds where there are many: for a thread that has nothing else to do.
void trim_heap() noexcept;

}  // namespace mynah::net::internal
