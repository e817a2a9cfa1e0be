#include "tests/net/net_test.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/types.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/address.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/internal/socket_address.hpp"
#include "net/lease.hpp"
#include "net/listener.hpp"
#include "net/result.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::net::test {

void run_on(DriverKind kind, conc::Task<> main, std::size_t workers) {
    mynah::test::run_task({.workers = workers, .event_source = driver_factory(kind)}, std::move(main));
}

Listener listen_on(std::string_view address, ListenOptions options) {
    const auto parsed = Address::parse(address);
    EXPECT_TRUE(parsed) << address;
    Result<Listener> listener = Listener::bind(*parsed, options);
    EXPECT_TRUE(listener) << listener.error().message();
    return listener ? *std::move(listener) : Listener();
}

Descriptor plain_connect(const Address& address) {
    const auto where = internal::SocketAddress::from(address);
    Descriptor socket(::socket(where->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), &where->any, where->length) != 0) {
        socket.reset();
    }
    return socket;
}

Pair connected_pair(std::string_view host) {
    const Listener listener = listen_on(host);
    Pair pair;
    pair.peer = plain_connect(listener.local());
    EXPECT_TRUE(pair.peer);
    // The connection is queued by now: connect(2) has returned.
    Descriptor accepted(::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_TRUE(accepted);
    pair.stream = Stream::from(std::move(accepted));
    return pair;
}

void plain_send(const Descriptor& socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            ADD_FAILURE() << "send: " << std::system_category().message(errno);
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string plain_receive(const Descriptor& socket, std::size_t count) {
    std::string result(count, '\0');
    std::size_t filled = 0;
    while (filled < count) {
        const ssize_t got = ::recv(socket.get(), result.data() + filled, count - filled, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    result.resize(filled);
    return result;
}

void plain_reset(Descriptor& socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    socket.reset();
}

void limit_send_queue(const Stream& stream) {
    const int bytes = 65536;
    EXPECT_EQ(::setsockopt(stream.fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
}

void limit_receive_queue(const Descriptor& peer) {
    const int bytes = 65536;
    EXPECT_EQ(::setsockopt(peer.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
}

conc::Task<> until(std::function<bool()> condition) {
    const auto end = conc::now() + kPatience;
    while (!condition()) {
        if (conc::now() > end) {
            ADD_FAILURE() << "a condition did not come true";
            co_return;
        }
        co_await conc::yield();
    }
}

conc::Task<Result<std::string>> receive_all(Stream& stream) {
    std::string all;
    for (;;) {
        Result<Lease> lease = co_await stream.receive(kPatience);
        if (!lease) {
            co_return fail(lease.error());
        }
        if (lease->empty()) {
            co_return all;
        }
        all += lease->text();
    }
}

std::string pattern(std::size_t count) {
    std::string text(count, '\0');
    std::uint32_t state = 1;
    std::generate(text.begin(), text.end(), [&state] {
        state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
        return static_cast<char>(state >> 24U);
    });
    return text;
}

std::string driver_name(const testing::TestParamInfo<DriverKind>& info) {
    return std::string(to_string(info.param));
}

}  // namespace mynah::net::test
