#include "server/logging_sink.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

namespace mynah::server {

LoggingSink::LoggingSink(int descriptor) : descriptor_(descriptor), closing_(::eventfd(0, EFD_CLOEXEC)) {
    if (closing_ < 0) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
}

LoggingSink::~LoggingSink() {
    ::close(closing_);
}

void LoggingSink::write(std::string_view line) {
    while (!line.empty()) {
        if (!wait_writable() || !write_some(line)) {
            discarded_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
    }
}

void LoggingSink::close_by(std::chrono::steady_clock::time_point deadline) {
    deadline_.store(deadline.time_since_epoch().count());
    const std::uint64_t one = 1;
    // An eventfd takes 2^64 - 2 of these before it could block.
    [[maybe_unused]] const ssize_t written = ::write(closing_, &one, sizeof one);
}

bool LoggingSink::write_some(std::string_view& line) {
    // A pipe that polls writable has room for PIPE_BUF bytes, pipe(7): a write of no more does not block.
    const ssize_t written = ::write(descriptor_, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
    if (written < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    line.remove_prefix(static_cast<std::size_t>(written));
    return true;
}

bool LoggingSink::wait_writable() {
    while (true) {
        const Ticks deadline = deadline_.load();
        std::array<pollfd, 2> polled{
            {{.fd = descriptor_, .events = POLLOUT, .revents = 0}, {.fd = closing_, .events = POLLIN, .revents = 0}}};
        int timeout_ms = -1;
        nfds_t count = 2;
        if (deadline != kOpen) {
            // Closing: the eventfd stays readable, and has no more to say.
            count = 1;
            const auto left =
                std::chrono::steady_clock::duration(deadline) - std::chrono::steady_clock::now().time_since_epoch();
            const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
            timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, INT_MAX));
        }
        const int ready = ::poll(polled.data(), count, timeout_ms);
        if (ready < 0 && errno != EINTR) {
            return false;
        }
        if (ready > 0 && polled[0].revents != 0) {
            return true;  // errors too: write then says which
        }
        if (ready == 0) {
            return false;
        }
    }
}

}  // namespace mynah::server
