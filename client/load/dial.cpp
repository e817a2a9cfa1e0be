#include "client/load/dial.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/connection.hpp"
#include "client/load/options.hpp"
#include "conc/context.hpp"
#include "conc/scheduler.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/result.hpp"

namespace mynah::client::load {
namespace {

// A server's queue of connections that it has not accepted yet holds at least as many: SOMAXCONN was 128 for long.
constexpr std::size_t kAtOnce = 128;

void note_failure(Dialled& dialled, std::error_code error, std::chrono::nanoseconds timeout) {
    ++dialled.failures[fmt::format("{}: {}", kCannotConnect, describe_connect_error(error, timeout))];
}

class Dialler {
  public:
    Dialler(net::Address address, std::chrono::nanoseconds timeout, std::size_t wanted, conc::Context stop)
        : address_(std::move(address)), timeout_(timeout), left_(wanted), stop_(std::move(stop)) {}

    conc::Task<void> dial_all() {
        co_await dial_one();
        if (dialled_.streams.empty()) {
            co_return;
        }
        if (address_.is_name()) {
            address_ = dialled_.streams.front().peer();
        }
        conc::WaitGroup tasks;
        for (std::size_t i = std::min(kAtOnce, left_); i > 0; --i) {
            auto dialling = [this] { return dial_while_left(); };
            tasks.go(std::move(dialling));
        }
        co_await tasks.wait();
    }

    Dialled take() { return std::move(dialled_); }

  private:
    conc::Task<void> dial_while_left() {
        while (left_ > 0 && !dialled_.stopped) {
            co_await dial_one();
        }
    }

    conc::Task<void> dial_one() {
        --left_;
        auto stream = co_await connect_unless_cancelled(address_, timeout_, stop_);
        if (stream) {
            dialled_.streams.push_back(std::move(*stream));
        } else if (stream.error() == std::errc::operation_canceled) {
            dialled_.stopped = true;
        } else {
            note_failure(dialled_, stream.error(), timeout_);
        }
    }

    net::Address address_;
    std::chrono::nanoseconds timeout_;
    std::size_t left_;
    conc::Context stop_;
    Dialled dialled_;
};

conc::Task<Dialled> open_sockets(Options options, net::DatagramOptions datagrams, conc::Context stop) {
    Dialled dialled;
    const auto first = co_await open_datagrams_unless_cancelled(options.address, options.timeout, std::move(stop));
    if (!first) {
        dialled.stopped = first.error() == std::errc::operation_canceled;
        if (!dialled.stopped) {
            note_failure(dialled, first.error(), options.timeout);
        }
        co_return dialled;
    }
    for (std::size_t i = 0; i < options.connections; ++i) {
        auto socket = net::DatagramSocket::connect(first->peer(), datagrams);
        const auto adopted = socket ? socket->adopt() : net::fail(socket.error());
        if (adopted) {
            dialled.sockets.push_back(std::move(*socket));
        } else {
            note_failure(dialled, adopted.error(), options.timeout);
        }
    }
    co_return dialled;
}

conc::Task<Dialled> open_streams(Options options, conc::Context stop) {
    Dialler dialler(options.address, options.timeout, options.connections, std::move(stop));
    co_await dialler.dial_all();
    co_return dialler.take();
}

}  // namespace

conc::Task<Dialled> dial(Options options, net::DatagramOptions datagrams, conc::Context stop) {
    const auto begin = conc::now();
    const bool is_udp = options.address.transport() == net::Transport::udp;
    auto dialling = is_udp ? open_sockets(std::move(options), datagrams, std::move(stop))
                           : open_streams(std::move(options), std::move(stop));
    Dialled dialled = co_await std::move(dialling);
    dialled.elapsed = conc::now() - begin;
    co_return dialled;
}

}  // namespace mynah::client::load
