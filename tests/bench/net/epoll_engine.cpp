#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/bench/net/engine.hpp"
#include "tests/bench/net/target.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Socket;

constexpr int kEventsAtOnce = 256;

// A send that does not fit blocks, which is no harm: a server reads what it is sent, or holds at most what it has read.
class EpollEngine final : public Engine {
  public:
    EpollEngine(const std::vector<Socket>& sockets, Options options)
        : Engine(sockets, options),
          sockets_(&sockets),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(options.message_bytes) {
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
            if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, sockets[i].fd(), &event) != 0) {
                fail_with_errno("epoll_ctl");
            }
        }
    }

  private:
    void transmit(std::size_t connection, std::span<const char> bytes) override {
        const ssize_t put = ::send((*sockets_)[connection].fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put != static_cast<ssize_t>(bytes.size())) {
            fail(connection, put < 0 ? std::strerror(errno) : "a short send");
        }
    }

    bool wait() override {
        const int limit = options().spins ? 0 : static_cast<int>(std::chrono::milliseconds(kStall).count()) + 1;
        ready_ = ::epoll_wait(epoll_.fd(), events_.data(), kEventsAtOnce, limit);
        if (ready_ < 0 && errno != EINTR) {
            fail_with_errno("epoll_wait");
        }
        return ready_ > 0;
    }

    void collect() override {
        for (int i = 0; i < ready_; ++i) {
            receive(events_[static_cast<std::size_t>(i)].data.u64);
        }
    }

    void receive(std::size_t connection) {
        const ssize_t got = ::recv((*sockets_)[connection].fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got > 0) {
            arrived(connection, std::span(buffer_).first(static_cast<std::size_t>(got)));
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            fail(connection, got == 0 ? "closed by the server" : std::strerror(errno));
        }
    }

    const std::vector<Socket>* sockets_;
    Socket epoll_;
    std::array<epoll_event, kEventsAtOnce> events_{};
    int ready_ = 0;
    std::vector<char> buffer_;
};

}  // namespace

std::unique_ptr<Engine> make_epoll_engine(const std::vector<Socket>& sockets, Engine::Options options) {
    return std::make_unique<EpollEngine>(sockets, options);
}

}  // namespace mynah::bench
