#include "tests/bench/net/push.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/bench/net/target.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Socket;

constexpr std::size_t kPattern = 65521;  // a prime, so that no buffer's size hides a piece that is lost or repeated
constexpr int kUntilItIsFullMilliseconds = 300;
constexpr int kStallMilliseconds = 10'000;

class Push {
  public:
    Push(Socket socket, std::size_t bytes)
        : socket_(std::move(socket)), bytes_(bytes), pattern_(kPattern), buffer_(kPattern) {
        for (std::size_t i = 0; i < kPattern; ++i) {
            pattern_[i] = static_cast<char>((i * 131 + (i >> 8U) * 29) & 0xff);
        }
    }

    std::size_t fill() {
        while (wait(POLLOUT, kUntilItIsFullMilliseconds) != 0) {
            send_some();
            if (sent_ == bytes_) {
                throw std::runtime_error("the server takes any amount from a peer that reads nothing");
            }
        }
        return sent_;
    }

    void go_on() {
        for (bool ended = false; !ended;) {
            const int wanted = sent_ < bytes_ ? POLLIN | POLLOUT : POLLIN;
            const int ready = wait(wanted, kStallMilliseconds);
            if (ready == 0) {
                throw std::runtime_error("the server has stopped answering");
            }
            if ((ready & POLLOUT) != 0 && sent_ < bytes_) {
                send_some();
                if (sent_ == bytes_) {
                    ::shutdown(socket_.fd(), SHUT_WR);
                }
            }
            if ((ready & ~POLLOUT) != 0) {
                ended = receive_some();
            }
        }
        if (received_ != bytes_) {
            throw std::runtime_error("the server ended before it had echoed everything");
        }
    }

  private:
    int wait(int events, int limit) {
        pollfd waiting{.fd = socket_.fd(), .events = static_cast<short>(events), .revents = 0};
        const int ready = ::poll(&waiting, 1, limit);
        if (ready < 0 && errno != EINTR) {
            fail_with_errno("poll");
        }
        return ready > 0 ? waiting.revents : 0;
    }

    [[nodiscard]] std::span<const char> pattern_at(std::size_t offset) const {
        const std::size_t begin = offset % kPattern;
        return std::span(pattern_).subspan(begin, std::min(kPattern - begin, bytes_ - offset));
    }

    void send_some() {
        const std::span<const char> next = pattern_at(sent_);
        const ssize_t put = ::send(socket_.fd(), next.data(), next.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put >= 0) {
            sent_ += static_cast<std::size_t>(put);
        } else if (errno != EAGAIN && errno != EINTR) {
            fail_with_errno("send");
        }
    }

    /// True at the end of the stream.
    bool receive_some() {
        const ssize_t got = ::recv(socket_.fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            fail_with_errno("recv");
        }
        for (std::span<const char> rest(buffer_.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
             !rest.empty();) {
            const std::span<const char> expected = pattern_at(received_);
            const std::size_t size = std::min(rest.size(), expected.size());
            if (size == 0 || std::memcmp(rest.data(), expected.data(), size) != 0) {
                throw std::runtime_error("the echo differs from what was sent");
            }
            received_ += size;
            rest = rest.subspan(size);
        }
        return got == 0;
    }

    Socket socket_;
    std::size_t bytes_;
    std::vector<char> pattern_;
    std::vector<char> buffer_;
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
};

}  // namespace

std::size_t push(Target& target, std::size_t bytes) {
    Push pushing(target.connect(), bytes);
    const std::size_t taken = pushing.fill();
    pushing.go_on();
    return taken;
}

}  // namespace mynah::bench
