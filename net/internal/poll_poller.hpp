// poll_poller.hpp -- poll(2): one pollfd for each descriptor watched, whatever its number.
//
// Cost     a call hands the kernel 8 bytes for each watched descriptor.
#pragma once

#include <cstdint>
#include <vector>

#include <poll.h>

#include "net/internal/poller.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - watched_ is dense: the last entry fills the place of one that is removed. A descriptor watched for nothing has no
///   entry, since poll(2) reports POLLHUP and POLLERR even then.
/// - place_[fd] is the index of its entry, or kNoPlace.
class PollPoller final : public Poller {
  public:
    bool admits(int fd) const noexcept override { return fd >= 0; }
    void watch(int fd, Interest interest) override;
    int wait(conc::Duration left, std::vector<Ready>& ready) override;
    std::string_view name() const noexcept override { return "poll"; }

  private:
    static constexpr std::uint32_t kNoPlace = UINT32_MAX;

    std::vector<pollfd> watched_;
    std::vector<std::uint32_t> place_;
};

}  // namespace mynah::net::internal
