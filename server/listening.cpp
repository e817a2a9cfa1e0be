#include "server/listening.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/datagram.hpp"
#include "net/listener.hpp"
#include "net/resolve.hpp"
#include "net/result.hpp"
#include "server/configuration.hpp"

namespace mynah::server {
namespace {

/// The machine does not have the address, or its whole family: "localhost" may name [::1] where IPv6 is off.
bool is_absent(std::error_code error) {
    return error == std::errc::address_not_available || error == std::errc::address_family_not_supported;
}

net::ListenOptions listen_options(const Configuration& configuration) {
    const Configuration::Listener& listener = configuration.listener;
    return {.backlog = static_cast<int>(listener.backlog),
            .reuse_port = listener.reuse_port,
            .ipv6_only = !listener.dual_stack,
            .unix_mode = listener.unix_mode,
            .tcp = {.no_delay = configuration.tcp.no_delay,
                    .keepalive = std::chrono::duration_cast<std::chrono::seconds>(configuration.tcp.keepalive),
                    .user_timeout = configuration.tcp.user_timeout}};
}

net::DatagramOptions datagram_options(const Configuration& configuration) {
    return {.largest_bytes = configuration.udp.largest_datagram_bytes,
            .reuse_port = configuration.listener.reuse_port,
            .ipv6_only = !configuration.listener.dual_stack};
}

class Binder {
  public:
    Binder(const Configuration& configuration, std::size_t workers)
        : configuration_(configuration), workers_(workers) {}

    /// What is bound from now on is of this address of `listen`.
    void begin_address(std::size_t index) { configured_address_ = index; }

    /// All sockets of one numeric address. With port 0 the first one's choice is that of the others.
    net::Result<void> bind(net::Address address) {
        const bool each_worker = configuration_.listener.reuse_port && !address.is_unix();
        const std::size_t sockets = each_worker ? workers_ : 1;
        for (std::size_t i = 0; i < sockets; ++i) {
            const auto worker = each_worker ? std::optional(i) : std::nullopt;
            const net::Result<net::Address> local = address.transport() == net::Transport::udp
                                                        ? bind_datagrams(address, worker)
                                                        : bind_streams(address, worker);
            if (!local) {
                return net::fail(local.error());
            }
            if (i == 0) {
                result_.addresses.push_back(local->to_string());
                address = *local;
            }
        }
        return {};
    }

    Listening take() { return std::move(result_); }

  private:
    net::Result<net::Address> bind_streams(const net::Address& address, std::optional<std::size_t> worker) {
        net::Result<net::Listener> listener = net::Listener::bind(address, listen_options(configuration_));
        if (!listener) {
            return net::fail(listener.error());
        }
        net::Address local = listener->local();
        result_.streams.push_back(
            {.listener = std::move(*listener), .worker = worker, .configured = configured_address_});
        return local;
    }

    net::Result<net::Address> bind_datagrams(const net::Address& address, std::optional<std::size_t> worker) {
        net::Result<net::DatagramSocket> socket = net::DatagramSocket::bind(address, datagram_options(configuration_));
        if (!socket) {
            return net::fail(socket.error());
        }
        net::Address local = socket->local();
        const std::size_t home = worker.value_or(result_.datagrams.size() % workers_);
        result_.datagrams.push_back({.socket = std::move(*socket), .worker = home, .configured = configured_address_});
        return local;
    }

    const Configuration& configuration_;
    std::size_t workers_;
    std::size_t configured_address_ = 0;
    Listening result_;
};

/// Binds all numeric addresses of one configured address, or says why not.
conc::Task<std::expected<void, std::string>> listen_on(std::string text, Binder* binder) {
    const auto failed = [&text](std::string_view reason) {
        return std::unexpected("cannot listen on " + text + ": " + std::string(reason));
    };
    const auto address = net::Address::parse(text);
    if (!address) {
        co_return failed(address.error());
    }
    const auto numeric = co_await net::resolve(*address);
    if (!numeric) {
        co_return failed(numeric.error().message());
    }
    std::size_t bound = 0;
    std::error_code unusable;
    for (auto each = numeric->begin(); each != numeric->end(); ++each) {
        if (std::find(numeric->begin(), each, *each) != each) {
            continue;  // some resolvers name an address twice
        }
        const net::Result<void> done = binder->bind(*each);
        if (done) {
            ++bound;
        } else if (is_absent(done.error())) {
            unusable = done.error();
        } else {
            co_return failed(done.error().message());
        }
    }
    if (bound == 0) {
        co_return failed(unusable.message());
    }
    co_return std::expected<void, std::string>();
}

}  // namespace

conc::Task<std::expected<Listening, std::string>> listen_on_all(const Configuration* configuration,
                                                                std::size_t workers) {
    Binder binder(*configuration, workers);
    for (std::size_t i = 0; i < configuration->listen.size(); ++i) {
        binder.begin_address(i);
        auto bound = co_await listen_on(configuration->listen[i], &binder);
        if (!bound) {
            co_return std::unexpected(std::move(bound.error()));
        }
    }
    co_return binder.take();
}

}  // namespace mynah::server
