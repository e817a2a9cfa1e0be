// The limits that the configuration sets: connections, connections of one address, idle time.
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

using End = EchoConnection::End;

class Limits : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, Limits, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

bool echoed(const EchoConnection& connection) {
    return connection.is_all_echoed() && connection.is_exact_prefix();
}
bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}
bool settled(const EchoConnection& connection) {
    return echoed(connection) || finished(connection);
}

// Whether one byte comes back; false when the daemon hangs up instead.
bool echoes(const Socket& socket) {
    return send_all(socket.fd(), "x") && receive_some(socket.fd(), 1) == "x";
}

TEST_P(Limits, ConnectionsBeyondTheLimitAreRefusedUntilOneLeaves) {
    constexpr std::size_t kLimit = 10;
    Daemon daemon(flags({"--max-connections", std::to_string(kLimit), "--drain-linger", "100ms"}));
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 10}, kLimit);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(echoed); }));
    EchoFleet beyond;
    beyond.add(daemon.endpoint(), {.total_bytes = 10}, 5);
    ASSERT_TRUE(beyond.run_until([&] { return beyond.all(settled); }));
    EXPECT_EQ(beyond.count(finished), 5U);
    EXPECT_EQ(beyond.total_received(), 0U);
    EXPECT_TRUE(daemon.wait_for_log("limits.connections"));
    EXPECT_EQ(fleet.count(finished), 0U);

    fleet.connections().front().traffic().half_close = true;
    ASSERT_TRUE(fleet.run_until([&] { return fleet.count(finished) == 1; }));
    EXPECT_TRUE(eventually([&] { return echoes(connect_to(daemon.endpoint(), Connect::blocking)); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Limits, OneAddressCannotTakeTheConnectionsOfOthers) {
    Daemon daemon(flags({"--max-per-address", "3"}));
    const auto connect_from = [&](const char* host) {
        return connect_to(daemon.endpoint(), Connect::blocking, {.receive_buffer_bytes = 0, .from_host = host});
    };
    std::vector<Socket> sockets;
    for (int i = 0; i < 3; ++i) {
        sockets.push_back(connect_from("127.0.0.1"));
        ASSERT_TRUE(echoes(sockets.back()));
    }
    EXPECT_FALSE(echoes(connect_from("127.0.0.1")));
    EXPECT_TRUE(daemon.wait_for_log("limits.per_address"));
    for (int i = 0; i < 3; ++i) {
        sockets.push_back(connect_from("127.0.0.2"));
        EXPECT_TRUE(echoes(sockets.back()));
    }
    EXPECT_FALSE(echoes(connect_from("127.0.0.2")));
    sockets.erase(sockets.begin());
    EXPECT_TRUE(eventually([&] { return echoes(connect_from("127.0.0.1")); }));
    for (const Socket& socket : sockets) {
        EXPECT_TRUE(echoes(socket));
    }
}

TEST_P(Limits, RefusalsDoNotFloodTheLog) {
    Daemon daemon(flags({"--max-connections", "1", "--drain-linger", "100ms"}));
    const Socket only = connect_to(daemon.endpoint(), Connect::blocking);
    ASSERT_TRUE(echoes(only));
    EchoFleet refused;
    refused.add(daemon.endpoint(), {.total_bytes = 10}, 500);
    ASSERT_TRUE(refused.run_until([&] { return refused.all(finished); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_LE(lines_of(daemon.log()).size(), 100U);
}

TEST_P(Limits, SilentConnectionIsClosedAndATalkingOneIsNot) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--idle-timeout", "400ms"}), .ledger = "sqlite:" + ledger});
    EchoFleet fleet;
    EchoConnection& talking =
        fleet.add(daemon.endpoint(), {.total_bytes = Traffic::kEndless, .window_bytes = 64, .chunk_bytes = 64});
    // Three silent ones, one after the other: together well beyond the limit of the one that talks all the time.
    for (int i = 0; i < 3; ++i) {
        EchoConnection& silent = fleet.add(daemon.endpoint(), {.total_bytes = 10});
        ASSERT_TRUE(fleet.run_until([&] { return silent.received() == 10; }));
        const auto since = Clock::now();
        ASSERT_TRUE(fleet.run_until([&] { return finished(silent); }));
        EXPECT_EQ(silent.end(), End::fin);
        EXPECT_GE(Clock::now() - since, std::chrono::milliseconds(300));
        EXPECT_FALSE(finished(talking));
    }
    talking.traffic().total_bytes = talking.sent();
    talking.traffic().half_close = true;
    ASSERT_TRUE(fleet.run_until([&] { return finished(talking); }));
    EXPECT_TRUE(echoed(talking));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);

    std::size_t idle = 0;
    for (const LedgerRow& row : read_ledger(ledger)) {
        idle += row.close_reason == "idle_timeout" ? 1U : 0U;
    }
    EXPECT_EQ(idle, 3U);
}

TEST_P(Limits, IdleTimeoutOfZeroMeansNone) {
    Daemon daemon(flags({"--idle-timeout", "0s"}));
    const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
    ASSERT_TRUE(echoes(socket));
    EchoFleet others;
    others.add(daemon.endpoint(), {.total_bytes = 100'000, .window_bytes = 64, .chunk_bytes = 64, .half_close = true},
               5);
    ASSERT_TRUE(others.run_until([&] { return others.all(finished); }));
    EXPECT_TRUE(echoes(socket));
}

}  // namespace
}  // namespace mynah::integration
