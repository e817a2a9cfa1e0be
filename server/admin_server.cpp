#include "server/admin_server.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "server/admin_connection.hpp"
#include "server/admin_http.hpp"

namespace mynah::server {
namespace {

constexpr int kBacklog = 512;  // who finds it full asks again after a second
constexpr std::chrono::milliseconds kExhaustionPause{100};

}  // namespace

AdminServer::AdminServer(net::Listener listener, net::Descriptor wake)
    : listener_(std::move(listener)), wake_(std::move(wake)) {}

net::Result<std::unique_ptr<AdminServer>> AdminServer::bind(const net::Address& address) {
    auto listener = net::Listener::bind(address, {.backlog = kBacklog});
    if (!listener) {
        return net::fail(listener.error());
    }
    net::Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        return net::fail_errno(errno);
    }
    return std::unique_ptr<AdminServer>(new AdminServer(std::move(*listener), std::move(wake)));
}

// Signals are for the thread that waits for them: this one has them all blocked.
void AdminServer::start(std::unique_ptr<AdminHttp> http) {
    http_ = std::move(http);
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    (void)::pthread_setname_np(thread_.native_handle(), "admin");  // for debuggers; without it nothing is lost
}

void AdminServer::stop() {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        (void)::write(wake_.get(), &one, sizeof one);  // a full eventfd is readable already
        thread_.join();
    }
    listener_.close();
}

void AdminServer::run() {
    while (!stopping_) {
        wait();
        for (AdminConnection& connection : connections_) {
            connection.serve(*http_);
        }
        if (has_queued_) {
            accept_some();
        }
        connections_.remove_if([now = Clock::now()](const AdminConnection& each) { return each.is_over(now); });
    }
    connections_.clear();
}

void AdminServer::wait() {
    if (pause_until_ && Clock::now() >= *pause_until_) {
        pause_until_.reset();
    }
    std::vector<pollfd> waited;
    waited.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
    waited.push_back({.fd = pause_until_ ? -1 : listener_.fd(), .events = POLLIN, .revents = 0});
    for (const AdminConnection& connection : connections_) {
        waited.push_back({.fd = connection.fd(), .events = connection.events(), .revents = 0});
    }
    if (::poll(waited.data(), waited.size(), milliseconds_to_wait()) < 0) {
        waited.assign(waited.size(), {});  // EINTR, or no memory: nothing is known
    }
    stopping_ = waited[0].revents != 0;
    has_queued_ = waited[1].revents != 0;
}

/// Until the nearest deadline; -1 where there is none.
int AdminServer::milliseconds_to_wait() const {
    auto nearest = Clock::time_point::max();
    if (pause_until_) {
        nearest = *pause_until_;
    }
    for (const AdminConnection& connection : connections_) {
        nearest = std::min(nearest, connection.deadline());
    }
    if (nearest == Clock::time_point::max()) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

void AdminServer::accept_some() {
    // A few at a time: who is connected has its turn in between.
    for (std::size_t i = 0; i < kMostConnections / 4; ++i) {
        net::Descriptor fd(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) {
            if (net::is_exhaustion(std::error_code(errno, std::system_category()))) {
                pause_until_ = Clock::now() + kExhaustionPause;
            }
            return;  // nobody is there, or who was has gone
        }
        make_room();
        // Most requests are there already: then nobody can take this place before they are answered.
        connections_.emplace_back(std::move(fd)).serve(*http_);
    }
}

void AdminServer::make_room() {
    if (connections_.size() < kMostConnections) {
        return;
    }
    connections_.erase(std::ranges::min_element(connections_, {}, &AdminConnection::since));
}

}  // namespace mynah::server
