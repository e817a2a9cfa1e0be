// select_poller.hpp -- select(2): fd_set and timeval.
//
// Errors   a descriptor at or over FD_SETSIZE is not admitted: FD_SET would write past the set.
// Cost     a call copies the part of the sets up to the highest descriptor, 16 bytes for each 64 descriptors.
#pragma once

#include <array>
#include <cstddef>

#include <sys/select.h>

#include "net/internal/poller.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - The master sets hold exactly what is watched; select(2) gets copies, because it overwrites them.
/// - No watched descriptor is above highest_, which may be higher than need be until the next wait.
class SelectPoller final : public Poller {
  public:
    SelectPoller() noexcept;

    bool admits(int fd) const noexcept override { return fd >= 0 && fd < FD_SETSIZE; }
    std::size_t suits() const noexcept override { return kSuits; }
    void watch(int fd, Interest interest) override;
    int wait(conc::Duration left, std::vector<Ready>& ready) override;
    std::string_view name() const noexcept override { return "select"; }

  private:
    // Each call looks at every descriptor. Measured: a message of one of 4 busy streams beside 0, 16, 32, 64 and 256
    // idle ones costs 1.05, 1.18, 1.29, 1.51 and 2.92 times what it does with epoll.
    static constexpr std::size_t kSuits = 16;
    static constexpr std::size_t kWordBits = sizeof(unsigned long) * 8;
    static constexpr std::size_t kWords = FD_SETSIZE / kWordBits;
    static_assert(sizeof(fd_set) == kWords * sizeof(unsigned long), "select(2): a set is an array of words");

    using Words = std::array<unsigned long, kWords>;

    void lower_highest() noexcept;
    static void collect(const fd_set& readable, const fd_set* writable, int count, std::vector<Ready>& ready);
    void find_invalid(std::vector<Ready>& ready) const;

    fd_set readers_;
    fd_set writers_;
    int highest_ = -1;
    int writer_count_ = 0;
};

}  // namespace mynah::net::internal
