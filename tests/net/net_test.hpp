// net_test.hpp -- what the tests of net share: running a task on a driver, and sockets whose other end is plain.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"

// GoogleTest's ASSERT_* return, which a coroutine cannot.
#define CO_ASSERT_TRUE(condition)                    \
    do {                                             \
        if (!(condition)) {                          \
            ADD_FAILURE() << "expected " #condition; \
            co_return;                               \
        }                                            \
    } while (false)

namespace mynah::net::test {

using namespace std::chrono_literals;

/// Longer than anything takes that works; a wait of this length that ends by itself is a failure.
inline constexpr auto kPatience = std::chrono::seconds(30);

/// Runs `main` on workers with this driver; fails where it leaves a task behind.
void run_on(DriverKind kind, conc::Task<> main, std::size_t workers = 1);

/// A Stream and the blocking socket at its other end.
struct Pair {
    Stream stream;
    Descriptor peer;
};
Pair connected_pair(std::string_view host = "tcp://127.0.0.1:0");

/// A listener on a port of the kernel's choice.
Listener listen_on(std::string_view address = "tcp://127.0.0.1:0", ListenOptions options = {});

/// A blocking socket that has connected; none where it was refused.
Descriptor plain_connect(const Address& address);

void plain_send(const Descriptor& socket, std::string_view text);
/// `count` bytes, fewer at the end of stream.
std::string plain_receive(const Descriptor& socket, std::size_t count);
/// RST in place of FIN.
void plain_reset(Descriptor& socket);

/// Keep the kernel from taking megabytes before the peer has read any.
void limit_send_queue(const Stream& stream);
void limit_receive_queue(const Descriptor& peer);

/// Lets others run until `condition` holds.
conc::Task<> until(std::function<bool()> condition);

/// Everything up to the end of stream.
conc::Task<Result<std::string>> receive_all(Stream& stream);

/// Bytes that tell when one is lost, doubled or out of place.
std::string pattern(std::size_t count);

/// The contract suite runs once for each driver.
class EachDriver : public testing::TestWithParam<DriverKind> {};
std::string driver_name(const testing::TestParamInfo<DriverKind>& info);

}  // namespace mynah::net::test

#define MYNAH_FOR_EACH_DRIVER(suite)                                                                              \
    INSTANTIATE_TEST_SUITE_P(Net, suite,                                                                          \
                             testing::Values(::mynah::net::DriverKind::select, ::mynah::net::DriverKind::poll,    \
                                             ::mynah::net::DriverKind::epoll, ::mynah::net::DriverKind::io_uring, \
                                             ::mynah::net::DriverKind::automatic),                                \
                             ::mynah::net::test::driver_name)
