#include "net/internal/wake_up.hpp"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

#include "conc/internal/atomic.hpp"

namespace mynah::net::internal {

WakeUp::WakeUp() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!descriptor_) {
        throw std::system_error(errno, std::system_category(), "eventfd");
    }
}

void WakeUp::wake() noexcept {
    if (state_.exchange(State::signalled) != State::asleep) {
        return;
    }
    const std::uint64_t one = 1;
    // It can only fail with EAGAIN, where the counter is full; then the descriptor is readable as well.
    while (::write(fd(), &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

bool WakeUp::begin_sleep() noexcept {
    State expected = State::awake;
    return state_.compare_exchange_strong(expected, State::asleep);
}

void WakeUp::end_sleep() noexcept {
    // relaxed: a wake() that is missed here stays signalled until the next begin_sleep(). The exchange acquires what
    // the waker did before.
    if (state_.load(conc::internal::kRelaxed) != State::awake) {
        state_.exchange(State::awake);
    }
}

void WakeUp::drain() noexcept {
    std::uint64_t count = 0;
    while (::read(fd(), &count, sizeof(count)) < 0 && errno == EINTR) {
    }
}

}  // namespace mynah::net::internal
