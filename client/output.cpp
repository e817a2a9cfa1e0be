#include "client/output.hpp"

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sys/poll.h>
#include <sys/types.h>
#include <unistd.h>

#include "conc/blocking.hpp"
#include "conc/task.hpp"
#include "net/result.hpp"

namespace mynah::client {

net::Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            // Somebody else made the descriptor non-blocking; the next write says what poll could not.
            pollfd waited{.fd = fd, .events = POLLOUT, .revents = 0};
            (void)::poll(&waited, 1, -1);
        } else if (errno != EINTR) {
            return net::fail_errno(errno);
        }
    }
    return {};
}

Output::Output(int fd) : fd_(fd), is_terminal_(::isatty(fd) == 1) {}

conc::Task<net::Result<void>> Output::write(std::span<const std::byte> bytes) {
    if (is_terminal_) {
        co_return co_await print(escaper_.escape(bytes));
    }
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size());
    auto work = [this, text] { return write_all(fd_, text); };
    co_return co_await conc::blocking(std::move(work));
}

conc::Task<net::Result<void>> Output::flush() {
    co_return co_await print(escaper_.flush());
}

conc::Task<net::Result<void>> Output::print(std::string text) {
    if (text.empty()) {
        co_return net::Result<void>();
    }
    auto work = [this, held = std::move(text)] { return write_all(fd_, held); };
    co_return co_await conc::blocking(std::move(work));
}

}  // namespace mynah::client
