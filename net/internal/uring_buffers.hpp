// uring_buffers.hpp -- the buffers that the kernel picks from when something has arrived.
//
// What     one ring of buffers for each size; all streams of a worker share them, so an idle stream owns none. A buffer
//          that was filled goes into the Lease as it is, and another from the pool takes its place in the ring.
// Threads  the home worker's; the leases may go anywhere.
// Errors   grow() throws std::bad_alloc, and std::system_error where the kernel takes no further ring.
// Cost     no copy; a ring begins with kFirstBytes of buffers, and grows with the streams that receive at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <liburing.h>

#include "net/lease.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - buffers_[i] is a buffer of the pool of bytes_ bytes, and the kernel may write into it while it is in the ring.
/// - Ends only after the kernel has let go of the ring: after the Uring, or with nothing under way.
class UringBuffers {
  public:
    /// `group` names the ring to the kernel.
    UringBuffers(io_uring& ring, std::uint16_t group, std::size_t bytes);
    UringBuffers(const UringBuffers&) = delete;
    UringBuffers& operator=(const UringBuffers&) = delete;
    ~UringBuffers();

    /// The buffer `index`, of which `bytes` are filled; a new one takes its place.
    Lease take(std::uint16_t index, std::size_t bytes);

    /// The kernel found no buffer: doubles them, up to the ring's size. Not where there is one for each stream that
    /// receives: then one of them takes many, and has to wait.
    void grow(std::size_t streams);

    std::size_t bytes() const noexcept { return bytes_; }
    std::size_t count() const noexcept { return buffers_.size(); }

  private:
    static constexpr std::size_t kFirstBytes = std::size_t{64} << 10U;
    static constexpr std::size_t kMostBytes = std::size_t{16} << 20U;
    static constexpr std::size_t kFewest = 2;
    static constexpr std::size_t kMost = 1024;

    struct Unmap {
        std::size_t length;
        void operator()(io_uring_buf_ring* memory) const noexcept;
    };

    void put(std::size_t index, std::byte* buffer) noexcept;
    void add(std::size_t count);
    void give_back_all() noexcept;

    const std::size_t bytes_;
    const unsigned entries_;
    std::unique_ptr<io_uring_buf_ring, Unmap> memory_;
    std::vector<std::byte*> buffers_;
};

}  // namespace mynah::net::internal
