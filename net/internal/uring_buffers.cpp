#include "net/internal/uring_buffers.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <system_error>

#include <liburing.h>
#include <sys/mman.h>

#include "net/internal/buffer_pool.hpp"
#include "net/lease.hpp"

namespace mynah::net::internal {
namespace {

io_uring_buf_ring* map(std::size_t length) {
    void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    return static_cast<io_uring_buf_ring*>(memory);
}

}  // namespace

void UringBuffers::Unmap::operator()(io_uring_buf_ring* memory) const noexcept {
    ::munmap(memory, length);
}

UringBuffers::UringBuffers(io_uring& ring, std::uint16_t group, std::size_t bytes)
    : bytes_(bytes),
      entries_(static_cast<unsigned>(std::bit_floor(std::clamp(kMostBytes / bytes, kFewest, kMost)))),
      memory_(map(entries_ * sizeof(io_uring_buf)), Unmap{entries_ * sizeof(io_uring_buf)}) {
    io_uring_buf_ring_init(memory_.get());
    io_uring_buf_reg registration{};
    static_assert(sizeof(registration.ring_addr) >= sizeof(void*));
    registration.ring_addr = std::bit_cast<std::uintptr_t>(memory_.get());
    registration.ring_entries = entries_;
    registration.bgid = group;
    if (const int result = ::io_uring_register_buf_ring(&ring, &registration, 0); result < 0) {
        throw std::system_error(-result, std::system_category(), "io_uring_register_buf_ring");
    }
    try {
        buffers_.reserve(entries_);
        add(std::clamp<std::size_t>(kFirstBytes / bytes, kFewest, entries_));
    } catch (...) {
        (void)::io_uring_unregister_buf_ring(&ring, group);  // or the next try would find the name taken
        give_back_all();
        throw;
    }
}

UringBuffers::~UringBuffers() {
    give_back_all();
}

void UringBuffers::give_back_all() noexcept {
    for (std::byte* buffer : buffers_) {
        give_buffer(buffer, bytes_);
    }
}

Lease UringBuffers::take(std::uint16_t index, std::size_t bytes) {
    std::byte* next = nullptr;
    try {
        next = take_buffer(bytes_);
    } catch (const std::bad_alloc&) {
        put(index, buffers_[index]);  // what came is lost, and its stream is told; the ring stays as large as it was
        throw;
    }
    Lease lease = Lease::around(buffers_[index], bytes_, bytes);
    put(index, next);
    return lease;
}

void UringBuffers::grow(std::size_t streams) {
    if (buffers_.size() < streams) {
        add(std::min<std::size_t>(buffers_.size(), entries_ - buffers_.size()));
    }
}

void UringBuffers::add(std::size_t count) {
    for (; count > 0; --count) {
        std::byte* const buffer = take_buffer(bytes_);
        buffers_.push_back(buffer);  // there is room: it was reserved
        put(buffers_.size() - 1, buffer);
    }
}

void UringBuffers::put(std::size_t index, std::byte* buffer) noexcept {
    buffers_[index] = buffer;
    io_uring_buf_ring_add(memory_.get(), buffer, static_cast<unsigned>(bytes_), static_cast<unsigned short>(index),
                          io_uring_buf_ring_mask(entries_), 0);
    io_uring_buf_ring_advance(memory_.get(), 1);
}

}  // namespace mynah::net::internal
