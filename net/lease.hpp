// lease.hpp -- bytes received, in a buffer that is lent.
//
// What     stream.receive() yields one; the buffer goes back to the pool when the Lease is destroyed. An empty Lease is
//          a clean end of stream.
// Threads  move-only, one owner; may be destroyed on any thread.
// Cost     no allocation while the pool has a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace mynah::net {

class Lease {
  public:
    Lease() = default;

    /// Room for at least `bytes` bytes, from the calling thread's pool. Throws std::bad_alloc.
    static Lease take(std::size_t bytes);

    /// For drivers: takes over a buffer of the pool, of which `size` bytes are filled.
    static Lease around(std::byte* block, std::size_t capacity, std::size_t size) noexcept {
        Lease lease(block, capacity);
        lease.set_size(size);
        return lease;
    }

    Lease(Lease&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
        if (this != &other) {
            give_back();
            block_ = std::exchange(other.block_, nullptr);
            size_ = std::exchange(other.size_, 0);
            capacity_ = std::exchange(other.capacity_, 0);
        }
        return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { give_back(); }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::span<const std::byte> bytes() const noexcept { return {block_, size_}; }
    std::string_view text() const noexcept {
        return {static_cast<const char*>(static_cast<const void*>(block_)), size_};
    }

    /// The whole buffer, for whoever fills it.
    std::span<std::byte> room() noexcept { return {block_, capacity_}; }

    /// How many bytes of room() are filled.
    void set_size(std::size_t bytes) noexcept { size_ = static_cast<std::uint32_t>(bytes); }

  private:
    Lease(std::byte* block, std::size_t capacity) noexcept
        : block_(block), capacity_(static_cast<std::uint32_t>(capacity)) {}
    void give_back() noexcept {
        if (block_ != nullptr) {
            give_back(std::exchange(block_, nullptr), capacity_);
        }
    }
    static void give_back(std::byte* block, std::size_t capacity) noexcept;

    std::byte* block_ = nullptr;
    // Bytes. A buffer has a MiB at most, and a session's frame holds several leases.
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

}  // namespace mynah::net
