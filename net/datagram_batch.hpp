// datagram_batch.hpp -- datagrams that one system call received, or will send.
//
// What     received: in buffers that are lent, as by a Lease; they go back when the batch is destroyed. Each can be
//          sent back to where it came from, without a copy. To send: refers to the caller's bytes.
// Threads  move-only, one owner; may be destroyed on any thread.
// Order    as the kernel delivered them; keep_if() keeps the order.
// Errors   add() throws std::bad_alloc.
// Cost     one buffer from the pool for all datagrams of a batch and what the kernel says of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/address.hpp"
#include "net/lease.hpp"

namespace mynah::net {

namespace internal {
struct DatagramAttempt;
}

/// What became of the datagrams of a batch that was to be sent.
struct DatagramsSent {
    std::size_t sent = 0;
    std::size_t bytes = 0;       // of those that were sent
    std::size_t queue_full = 0;  // refused by the device's queue: ENOBUFS
    std::size_t failed = 0;      // refused for another reason; the others were sent all the same
    std::size_t unsent = 0;      // not tried: the time was over, or the socket was closed
    std::error_code error = {};  // the first that there was

    bool all() const noexcept { return queue_full == 0 && failed == 0 && unsent == 0; }
};

/// Invariant: headers_[0 .. size_) are the datagrams; each header points to its own piece, peer and control data,
/// wherever it stands in headers_ itself.
class DatagramBatch {
  public:
    /// An IPv6 address, or an IPv4 one in its place there (::ffff:0:0/96).
    using Host = std::array<std::byte, 16>;

    /// Most datagrams in one.
    static constexpr std::size_t kMost = 64;

    DatagramBatch() = default;
    DatagramBatch(DatagramBatch&& other) noexcept
        : memory_(std::move(other.memory_)),
          headers_(std::exchange(other.headers_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)),
          tells_local_(other.tells_local_) {}
    DatagramBatch& operator=(DatagramBatch&& other) noexcept {
        memory_ = std::move(other.memory_);
        headers_ = std::exchange(other.headers_, nullptr);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        tells_local_ = other.tells_local_;
        return *this;
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }

    /// A datagram may have no bytes at all.
    std::span<const std::byte> bytes(std::size_t index) const noexcept;
    std::string_view text(std::size_t index) const noexcept;
    /// The same to be changed, in a batch that was received or copied.
    std::span<std::byte> writable_bytes(std::size_t index) noexcept;

    /// It was longer than DatagramOptions::largest_bytes: bytes() is no more than its beginning.
    bool is_truncated(std::size_t index) const noexcept;

    /// Where it came from, or goes to.
    Address peer(std::size_t index) const;
    std::uint16_t peer_port(std::size_t index) const noexcept;
    Host peer_host(std::size_t index) const noexcept;

    /// It was sent to a broadcast or multicast address. Known only where the socket is bound to a wildcard address.
    bool is_to_many(std::size_t index) const noexcept;

    /// A batch of this datagram alone, in a buffer of its own; received as it was, so that it can be sent back too.
    DatagramBatch copy(std::size_t index) const;

    /// Takes out every datagram for whose index `keep` returns false.
    template <class Keep>
    void keep_if(Keep keep) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (keep(i)) {
                headers_[kept++] = headers_[i];
            }
        }
        size_ = kept;
    }

    /// Adds a datagram to send; `bytes` must stay where they are until it is sent. False: it has kMost already, or
    /// `peer` has a name, or is none of UDP.
    [[nodiscard]] bool add(std::span<const std::byte> bytes, const Address& peer);
    /// For a connected socket.
    [[nodiscard]] bool add(std::span<const std::byte> bytes);

  private:
    friend struct internal::DatagramAttempt;

    struct Parts;
    static Parts parts_of(const Lease& memory, std::size_t capacity) noexcept;
    void allocate(std::size_t capacity, std::size_t slot_bytes);
    void prepare_receive(std::size_t count, std::size_t slot_bytes);
    void prepare_send() noexcept;
    mmsghdr* append(std::span<const std::byte> bytes);

    Lease memory_;
    mmsghdr* headers_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    bool tells_local_ = false;  // the socket says where each datagram was sent to
};

}  // namespace mynah::net
