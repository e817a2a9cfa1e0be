// epoll_poller.hpp -- epoll(7), edge-triggered: one registration serves a descriptor for as long as it is open.
//
// Errors   watch() throws std::system_error where the kernel has no room for another registration, and for descriptors
//          that epoll does not take (regular files, which are always ready).
// Cost     a call costs as much as there is ready, however many descriptors are watched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <sys/epoll.h>

#include "net/descriptor.hpp"
#include "net/internal/poller.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - entries_[fd].registered: the kernel watches the file that had this number when it was registered, for everything.
/// - A file that has another descriptor besides the one that was closed stays registered in the kernel. Its events bear
///   the generation of that registration, and no entry has it any more: they are passed over.
class EpollPoller final : public Poller {
  public:
    /// Throws std::system_error where the machine gives no descriptor.
    EpollPoller();

    bool admits(int fd) const noexcept override { return fd >= 0; }
    bool edge_triggered() const noexcept override { return true; }
    void watch(int fd, Interest interest) override;
    void forget(int fd) noexcept override;
    int wait(conc::Duration left, std::vector<Ready>& ready) override;
    std::string_view name() const noexcept override { return "epoll"; }

  private:
    struct Entry {
        std::uint32_t generation = 0;
        bool registered = false;
    };
    static constexpr std::size_t kEventsPerCall = 256;

    int call(conc::Duration left) noexcept;

    Descriptor epoll_;
    std::vector<Entry> entries_;
    std::array<epoll_event, kEventsPerCall> events_{};
    bool has_nanoseconds_ = true;  // epoll_pwait2 (Linux 5.11), which a seccomp filter may know nothing of
};

}  // namespace mynah::net::internal
