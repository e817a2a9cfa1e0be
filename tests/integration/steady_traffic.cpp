#include "tests/integration/steady_traffic.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/poll.h>

#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {

namespace {

constexpr std::size_t kMostShort = 20;  // at once
constexpr std::chrono::milliseconds kShortInterval{10};
constexpr std::uint64_t kShortBytes = 200;
constexpr std::uint64_t kKeptBytes = 300;  // a message
constexpr int kRoundMilliseconds = 10;

}  // namespace

SteadyTraffic::SteadyTraffic(Endpoint endpoint, std::size_t kept)
    : endpoint_(std::move(endpoint)), kept_(kept), thread_([this] { run(); }) {}

SteadyTraffic::~SteadyTraffic() {
    if (thread_.joinable()) {
        (void)stop();
    }
}

TrafficReport SteadyTraffic::stop() {
    stopping_.store(true);
    thread_.join();
    return report_;
}

void SteadyTraffic::run() {
    while (!stopping_.load()) {
        const auto is_short = [](const Client& client) { return client.is_short; };
        const auto shorts = static_cast<std::size_t>(std::ranges::count_if(clients_, is_short));
        for (std::size_t i = clients_.size() - shorts; i < kept_; ++i) {
            add(false);
        }
        if (Clock::now() >= next_short_ && shorts < kMostShort) {
            add(true);
            next_short_ = Clock::now() + kShortInterval;
        }
        for (Client& client : clients_) {
            if (!client.is_short && client.connection.is_all_echoed()) {
                client.connection.traffic().total_bytes += kKeptBytes;
            }
        }
        round();
    }
    for (Client& client : clients_) {
        client.connection.traffic().half_close = true;
    }
    const auto end = Clock::now() + patience();
    while (!clients_.empty() && Clock::now() < end) {
        round();
    }
    report_.failed += clients_.size();
    clients_.clear();
}

void SteadyTraffic::add(bool is_short) {
    const Traffic traffic{.total_bytes = is_short ? kShortBytes : 0, .half_close = is_short};
    clients_.push_back({.connection = EchoConnection(endpoint_, next_seed_++, traffic), .is_short = is_short});
}

void SteadyTraffic::round() {
    std::vector<pollfd> fds;
    for (Client& client : clients_) {
        fds.push_back(
            {.fd = client.connection.socket().fd(), .events = client.connection.wanted_events(), .revents = 0});
    }
    ::poll(fds.data(), fds.size(), kRoundMilliseconds);
    std::size_t i = 0;
    for (auto each = clients_.begin(); each != clients_.end(); ++i) {
        each->connection.on_events(fds[i].revents);
        const auto next = std::next(each);
        if (each->connection.end() != EchoConnection::End::none) {
            note_end(*each);
            clients_.erase(each);
        }
        each = next;
    }
}

void SteadyTraffic::note_end(const Client& client) {
    const EchoConnection& connection = client.connection;
    const bool owed = connection.received() != connection.sent();
    report_.sent_bytes += connection.sent();
    report_.received_bytes += connection.received();
    report_.mismatched += connection.is_exact_prefix() ? 0U : 1U;
    if (connection.end() != EchoConnection::End::fin || (client.is_short && !connection.is_all_echoed())) {
        ++report_.failed;
    } else if (client.is_short) {
        ++report_.short_done;
        short_done_.fetch_add(1);
    } else {
        ++report_.kept_ended;
        report_.kept_ended_owed += owed ? 1U : 0U;
    }
}

}  // namespace mynah::integration
