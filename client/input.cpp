#include "client/input.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/types.h>
#include <unistd.h>

#include "conc/blocking.hpp"
#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::client {

Input::Input(int fd) : fd_(fd), stopped_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stopped_) {
        throw std::system_error(errno, std::system_category(), "eventfd");
    }
}

conc::Task<net::Result<std::size_t>> Input::read(std::span<std::byte> buffer) {
    auto work = [this, buffer] { return wait_and_read(buffer); };
    co_return co_await conc::blocking(std::move(work));
}

void Input::stop() noexcept {
    const std::uint64_t one = 1;
    // It cannot fail but by a counter that is full, and then it is readable already.
    (void)!::write(stopped_.get(), &one, sizeof one);
}

net::Result<std::size_t> Input::wait_and_read(std::span<std::byte> buffer) const {
    for (;;) {
        std::array<pollfd, 2> waited{
            {{.fd = fd_, .events = POLLIN, .revents = 0}, {.fd = stopped_.get(), .events = POLLIN, .revents = 0}}};
        if (::poll(waited.data(), waited.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return net::fail_errno(errno);
        }
        if (waited[0].revents == 0) {
            return net::fail(std::errc::operation_canceled);
        }
        const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        // EAGAIN: somebody else made the descriptor non-blocking, and somebody else has read what was there.
        if (errno != EINTR && errno != EAGAIN) {
            return net::fail_errno(errno);
        }
    }
}

}  // namespace mynah::client
