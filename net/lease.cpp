#include "net/lease.hpp"

#include <cstddef>

#include "net/internal/buffer_pool.hpp"

namespace mynah::net {

Lease Lease::take(std::size_t bytes) {
    const std::size_t capacity = internal::buffer_capacity(bytes);
    return {internal::take_buffer(capacity), capacity};
}

void Lease::give_back(std::byte* block, std::size_t capacity) noexcept {
    internal::give_buffer(block, capacity);
}

}  // namespace mynah::net
