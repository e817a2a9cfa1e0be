#include "tests/bench/net/churn.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/bench/net/engine.hpp"
#include "tests/bench/net/message.hpp"
#include "tests/bench/net/target.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using integration::Socket;

constexpr int kEventsAtOnce = 64;
constexpr int kStallMilliseconds = 10'000;

class Churn {
  public:
    Churn(Target& target, const ChurnOptions& options)
        : target_(&target), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(options.message_bytes + 1) {
        for (std::size_t i = 0; i < options.connections; ++i) {
            connections_.push_back({.socket = Socket(), .message = Message(options.message_bytes, i), .began = {}});
        }
    }

    Counted run(Clock::duration duration) {
        const Clock::time_point begin = Clock::now();
        now_ = begin;
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            begin_one(i);
        }
        while (now_ < begin + duration || counted_.messages == 0) {
            step();
        }
        Counted counted = counted_;
        counted.elapsed = now_ - begin;
        finishing_ = true;
        while (open_ > 0) {
            step();
        }
        return counted;
    }

  private:
    struct Connection {
        Socket socket;
        Message message;
        Clock::time_point began;
    };

    void begin_one(std::size_t index) {
        Connection& connection = connections_[index];
        connection.socket = target_->connect();
        connection.began = now_;
        ++open_;
        epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
        if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, connection.socket.fd(), &event) != 0) {
            fail_with_errno("epoll_ctl");
        }
        connection.message.next();
        const std::span<const char> bytes = connection.message.bytes();
        if (::send(connection.socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size())) {
            fail_with_errno("send");
        }
    }

    void step() {
        std::array<epoll_event, kEventsAtOnce> events{};
        const int ready = ::epoll_wait(epoll_.fd(), events.data(), kEventsAtOnce, kStallMilliseconds);
        if (ready < 0 && errno != EINTR) {
            fail_with_errno("epoll_wait");
        }
        if (ready == 0) {
            throw std::runtime_error("the server has stopped answering");
        }
        now_ = Clock::now();
        for (int i = 0; i < ready; ++i) {
            serve(events[static_cast<std::size_t>(i)].data.u64);
        }
    }

    void serve(std::size_t index) {
        Connection& connection = connections_[index];
        const ssize_t got = ::recv(connection.socket.fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                fail_with_errno("recv");
            }
        } else if (got > 0) {
            if (connection.message.take(std::span(buffer_).first(static_cast<std::size_t>(got)))) {
                ::shutdown(connection.socket.fd(), SHUT_WR);
            }
        } else if (connection.message.missing() > 0) {
            throw std::runtime_error("closed by the server before the echo was complete");
        } else {
            end_one(index);
        }
    }

    void end_one(std::size_t index) {
        connections_[index].socket.close();
        --open_;
        ++counted_.messages;
        counted_.latency.add(now_ - connections_[index].began);
        if (!finishing_) {
            begin_one(index);
        }
    }

    Target* target_;
    Socket epoll_;
    std::vector<char> buffer_;
    std::vector<Connection> connections_;
    Clock::time_point now_;
    Counted counted_;
    std::size_t open_ = 0;
    bool finishing_ = false;
};

}  // namespace

Counted churn(Target& target, const ChurnOptions& options) {
    return Churn(target, options).run(options.duration);
}

}  // namespace mynah::bench
