#include "tests/bench/echo_generator.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEventsAtOnce = 256;
constexpr int kStallMilliseconds = 10'000;

[[noreturn]] void fail(std::size_t connection, const std::string& what) {
    throw std::runtime_error("connection " + std::to_string(connection) + ": " + what);
}

}  // namespace

EchoGenerator::EchoGenerator(const integration::Endpoint& endpoint, const Options& options)
    : buffer_(options.message_bytes), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    connections_.reserve(options.connections);
    for (std::size_t i = 0; i < options.connections; ++i) {
        Connection connection;
        connection.socket = integration::connect_to(endpoint, integration::Connect::blocking);
        connection.message.resize(options.message_bytes);
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, connection.socket.fd(), &event) != 0) {
            fail(i, std::strerror(errno));
        }
        // Filled once with bytes that differ from connection to connection; only the sequence changes afterwards.
        for (std::size_t at = 0; at < connection.message.size(); ++at) {
            connection.message[at] = static_cast<char>((at * 131 + i * 29 + 7) & 0xff);
        }
        connections_.push_back(std::move(connection));
    }
}

void EchoGenerator::send_next(Connection& connection, std::size_t index) {
    ++connection.sequence;
    connection.received = 0;
    std::memcpy(connection.message.data(), &connection.sequence,
                std::min(sizeof connection.sequence, connection.message.size()));
    const ssize_t put =
        ::send(connection.socket.fd(), connection.message.data(), connection.message.size(), MSG_NOSIGNAL);
    if (put != static_cast<ssize_t>(connection.message.size())) {
        fail(index, put < 0 ? std::strerror(errno) : "a short send");
    }
}

bool EchoGenerator::receive_some(Connection& connection, std::size_t index) {
    const std::size_t left = connection.message.size() - connection.received;
    const ssize_t got = ::recv(connection.socket.fd(), buffer_.data(), left, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        fail(index, got == 0 ? "closed by the service" : std::strerror(errno));
    }
    if (std::memcmp(buffer_.data(), connection.message.data() + connection.received, static_cast<std::size_t>(got)) !=
        0) {
        fail(index, "the echo differs from what was sent");
    }
    connection.received += static_cast<std::size_t>(got);
    return connection.received == connection.message.size();
}

EchoGenerator::Result EchoGenerator::run(std::chrono::milliseconds duration) {
    const auto begin = Clock::now();
    const auto end = begin + duration;
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        send_next(connections_[i], i);
    }
    std::size_t in_flight = connections_.size();
    std::uint64_t messages = 0;
    Clock::time_point last = begin;
    std::array<epoll_event, kEventsAtOnce> events{};
    while (in_flight > 0) {
        const int ready = ::epoll_wait(epoll_.fd(), events.data(), kEventsAtOnce, kStallMilliseconds);
        if (ready < 0 && errno != EINTR) {
            throw std::runtime_error(std::string("epoll_wait: ") + std::strerror(errno));
        }
        if (ready == 0) {
            throw std::runtime_error("the service has stopped answering");
        }
        const auto now = Clock::now();
        const bool over = now >= end;
        if (!over) {
            last = now;
        }
        for (int i = 0; i < ready; ++i) {
            const std::size_t index = events[static_cast<std::size_t>(i)].data.u64;
            if (!receive_some(connections_[index], index)) {
                continue;
            }
            if (over) {
                --in_flight;
            } else {
                ++messages;
                send_next(connections_[index], index);
            }
        }
    }
    return {.messages = messages, .elapsed = last - begin};
}

}  // namespace mynah::bench
