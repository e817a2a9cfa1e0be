#include "tests/integration/echo_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include <poll.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {

namespace {

constexpr std::size_t kBufferBytes = 65536;
constexpr int kRoundMilliseconds = 10;  // how often a condition that no socket announces is looked at

// splitmix64: every word of the stream from its index alone.
std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t word = (seed << 40) + index * 0x9e3779b97f4a7c15ULL + 0x9e3779b97f4a7c15ULL;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
    return word ^ (word >> 31);
}

}  // namespace

void fill_pattern(std::span<char> bytes, std::uint64_t seed, std::uint64_t offset) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::uint64_t word = pattern_word(seed, (offset + at) / sizeof(std::uint64_t));
        const std::size_t skip = (offset + at) % sizeof word;
        const std::size_t count = std::min(sizeof word - skip, bytes.size() - at);
        std::array<char, sizeof word> raw{};
        std::memcpy(raw.data(), &word, sizeof word);
        std::memcpy(bytes.data() + at, raw.data() + skip, count);
        at += count;
    }
}

EchoConnection::EchoConnection(const Endpoint& endpoint, std::uint64_t seed, const Traffic& traffic)
    : socket_(connect_to(endpoint, Connect::non_blocking,
                         {.receive_buffer_bytes = traffic.receive_buffer_bytes, .from_host = {}})),
      traffic_(traffic),
      seed_(seed),
      local_port_(socket_.local_port()) {}

bool EchoConnection::may_send() const {
    return !half_closed_ && sent_ < traffic_.total_bytes && sent_ - received_ < traffic_.window_bytes;
}

short EchoConnection::wanted_events() const {
    if (end_ != End::none) {
        return 0;
    }
    if (!connected_) {
        return POLLOUT;
    }
    int events = traffic_.reading == Reading::never ? 0 : POLLIN;
    if (may_send()) {
        events |= POLLOUT;
    }
    return static_cast<short>(events);
}

void EchoConnection::on_events(short events) {
    if (end_ != End::none) {
        return;
    }
    if (!connected_) {
        if (events != 0) {
            finish_connecting();
        }
        return;
    }
    const bool writable = (events & POLLOUT) != 0 && may_send();
    stuck_ = may_send() && !writable;
    if (writable) {
        send_some();
    }
    half_close_if_due();
    if (traffic_.reading == Reading::never) {
        if ((events & (POLLERR | POLLHUP)) != 0) {
            end_with_reset();
        }
    } else if ((events & (POLLIN | POLLERR | POLLHUP)) != 0 && end_ == End::none) {
        if (traffic_.reading == Reading::eager || !writable) {
            receive_some();
        }
    }
}

void EchoConnection::finish_connecting() {
    if (socket_.take_error() != 0) {
        end_with_reset();
        return;
    }
    connected_ = true;
}

void EchoConnection::send_some() {
    std::array<char, kBufferBytes> buffer;
    const std::uint64_t allowed = std::min(traffic_.total_bytes - sent_, traffic_.window_bytes - (sent_ - received_));
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>({allowed, traffic_.chunk_bytes, buffer.size()}));
    fill_pattern(std::span(buffer).first(count), seed_, sent_);
    const ssize_t put = ::send(socket_.fd(), buffer.data(), count, MSG_NOSIGNAL);
    if (put > 0) {
        sent_ += static_cast<std::uint64_t>(put);
    } else if (errno != EAGAIN && errno != EINTR) {
        end_with_reset();
    }
}

void EchoConnection::half_close_if_due() {
    if (traffic_.half_close && !half_closed_ && sent_ == traffic_.total_bytes && end_ == End::none) {
        ::shutdown(socket_.fd(), SHUT_WR);
        half_closed_ = true;
    }
}

void EchoConnection::receive_some() {
    std::array<char, kBufferBytes> got_bytes;
    const ssize_t got = ::recv(socket_.fd(), got_bytes.data(), got_bytes.size(), 0);
    if (got == 0) {
        on_peer_fin();
        return;
    }
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            end_with_reset();
        }
        return;
    }
    const auto count = static_cast<std::size_t>(got);
    std::array<char, kBufferBytes> expected;
    fill_pattern(std::span(expected).first(count), seed_, received_);
    if (received_ + count > sent_ || std::memcmp(got_bytes.data(), expected.data(), count) != 0) {
        mismatched_ = true;
    }
    received_ += count;
}

void EchoConnection::on_peer_fin() {
    end_ = End::fin;
    std::uint64_t left = half_closed_ ? 0 : traffic_.late_bytes;
    std::array<char, kBufferBytes> buffer{};
    while (left > 0) {
        const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        const ssize_t put = ::send(socket_.fd(), buffer.data(), count, MSG_NOSIGNAL);
        if (put <= 0) {
            end_with_reset();
            return;
        }
        left -= static_cast<std::uint64_t>(put);
        sent_ += static_cast<std::uint64_t>(put);
    }
    ::shutdown(socket_.fd(), SHUT_WR);
    half_closed_ = true;
}

void EchoConnection::end_with_reset() {
    end_ = End::reset;
}

EchoConnection& EchoFleet::add(const Endpoint& endpoint, const Traffic& traffic) {
    return connections_.emplace_back(endpoint, connections_.size() + 1, traffic);
}

void EchoFleet::add(const Endpoint& endpoint, const Traffic& traffic, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        add(endpoint, traffic);
    }
}

bool EchoFleet::run_until(const Condition& condition, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    std::vector<pollfd> fds(connections_.size());
    while (!condition()) {
        if (Clock::now() >= end) {
            return false;
        }
        for (std::size_t i = 0; i < fds.size(); ++i) {
            const EchoConnection& connection = connections_[i];
            const bool live = connection.end() == EchoConnection::End::none;
            fds[i] = {
                .fd = live ? connections_[i].socket().fd() : -1, .events = connection.wanted_events(), .revents = 0};
        }
        ::poll(fds.data(), fds.size(), kRoundMilliseconds);
        for (std::size_t i = 0; i < fds.size(); ++i) {
            connections_[i].on_events(fds[i].revents);
        }
    }
    return true;
}

bool EchoFleet::all(const std::function<bool(const EchoConnection&)>& holds) const {
    return std::ranges::all_of(connections_, holds);
}

std::size_t EchoFleet::count(const std::function<bool(const EchoConnection&)>& holds) const {
    return static_cast<std::size_t>(std::ranges::count_if(connections_, holds));
}

std::uint64_t EchoFleet::total_sent() const {
    std::uint64_t total = 0;
    for (const EchoConnection& connection : connections_) {
        total += connection.sent();
    }
    return total;
}

std::uint64_t EchoFleet::total_received() const {
    std::uint64_t total = 0;
    for (const EchoConnection& connection : connections_) {
        total += connection.received();
    }
    return total;
}

void EchoFleet::close_all() {
    for (EchoConnection& connection : connections_) {
        connection.socket().close();
    }
}

}  // namespace mynah::integration
