#include "client/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/duration.hpp"
#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/go.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/connect.hpp"
#include "net/datagram.hpp"
#include "net/resolve.hpp"
#include "net/result.hpp"
#include "net/stream.hpp"

namespace mynah::client {
namespace {

void complain(const net::Address& address, std::error_code error, std::chrono::nanoseconds timeout,
              const Console& console) {
    console.complain(
        fmt::format("cannot connect to {}: {}", address.to_string(), describe_connect_error(error, timeout)));
}

template <class T>
using Attempt = conc::Task<net::Result<T>> (*)(net::Address address, std::chrono::nanoseconds timeout);

conc::Task<net::Result<net::Stream>> connect_stream(net::Address address, std::chrono::nanoseconds timeout) {
    co_return co_await net::connect(std::move(address), timeout);
}

template <class T>
conc::Task<void> attempt_into(Attempt<T> attempt, net::Address address, std::chrono::nanoseconds timeout,
                              conc::Channel<net::Result<T>> result) {
    auto made = co_await attempt(std::move(address), timeout);
    co_await result.send(std::move(made));
}

/// The attempt has a task of its own, which leaves its result in a channel that has room for it.
template <class T>
conc::Task<net::Result<T>> connect_unless_cancelled_by(conc::Context ctx, Attempt<T> attempt, net::Address address,
                                                       std::chrono::nanoseconds timeout) {
    conc::Channel<net::Result<T>> result(1);
    conc::go(attempt_into<T>, attempt, std::move(address), timeout, result);
    auto chosen = co_await conc::select(result.recv_case(), ctx.done());
    if (chosen.index() == 1) {
        co_return net::fail(std::errc::operation_canceled);
    }
    co_return std::move(*chosen.template get<0>());
}

}  // namespace

conc::Task<net::Result<net::Stream>> connect_unless_cancelled(net::Address address, std::chrono::nanoseconds timeout,
                                                              conc::Context ctx) {
    co_return co_await connect_unless_cancelled_by<net::Stream>(std::move(ctx), connect_stream, std::move(address),
                                                                timeout);
}

conc::Task<net::Result<net::DatagramSocket>> open_datagrams(net::Address address, std::chrono::nanoseconds timeout) {
    const auto resolved = co_await net::resolve(std::move(address), timeout);
    if (!resolved) {
        co_return net::fail(resolved.error());
    }
    std::error_code last = std::make_error_code(std::errc::address_not_available);
    for (const net::Address& each : *resolved) {
        auto socket = net::DatagramSocket::connect(each);
        if (socket) {
            co_return std::move(*socket);
        }
        last = socket.error();
    }
    co_return net::fail(last);
}

conc::Task<net::Result<net::DatagramSocket>> open_datagrams_unless_cancelled(net::Address address,
                                                                             std::chrono::nanoseconds timeout,
                                                                             conc::Context ctx) {
    co_return co_await connect_unless_cancelled_by<net::DatagramSocket>(std::move(ctx), open_datagrams,
                                                                        std::move(address), timeout);
}

std::string describe_connect_error(std::error_code error, std::chrono::nanoseconds timeout) {
    if (error == std::errc::timed_out) {
        return fmt::format("timed out after {}", format_duration(timeout));
    }
    return error.message();
}

conc::Task<std::optional<net::Stream>> connect_or_complain(net::Address address, std::chrono::nanoseconds timeout,
                                                           Console* console) {
    auto stream = co_await net::connect(address, timeout);
    if (!stream) {
        complain(address, stream.error(), timeout, *console);
        co_return std::nullopt;
    }
    co_return std::move(*stream);
}

conc::Task<std::optional<net::DatagramSocket>> open_datagrams_or_complain(net::Address address,
                                                                          std::chrono::nanoseconds timeout,
                                                                          Console* console) {
    auto socket = co_await open_datagrams(address, timeout);
    if (!socket) {
        complain(address, socket.error(), timeout, *console);
        co_return std::nullopt;
    }
    co_return std::move(*socket);
}

}  // namespace mynah::client
