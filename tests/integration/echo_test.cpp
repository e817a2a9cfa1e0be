// Every byte comes back: many connections, much data, slow readers, half-close, both address families.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

class Echo : public WithDriver {
  protected:
    static constexpr std::size_t kWorkers = 2;
    // A worker that moves on from select has one more: its ring, or its epoll.
    static std::size_t descriptors_to_move() { return GetParam() == std::string_view("auto") ? kWorkers : 0; }
};
INSTANTIATE_TEST_SUITE_P(Drivers, Echo, testing::Values("select", "poll", "epoll", "io_uring", "auto"), driver_name);

bool echoed(const EchoConnection& connection) {
    return connection.is_all_echoed() && connection.is_exact_prefix();
}
bool finished(const EchoConnection& connection) {
    return connection.end() != EchoConnection::End::none;
}

TEST_P(Echo, ThousandConnectionsAtOnceGetEveryByteBack) {
    constexpr std::size_t kConnections = 1000;
    raise_descriptor_limit();
    Daemon daemon(flags({"--workers", std::to_string(kWorkers)}));
    const std::size_t at_rest = daemon.process().open_descriptors() + descriptors_to_move();
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 1}, kConnections);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(echoed); })) << fleet.count(echoed) << " of " << kConnections;
    EXPECT_GE(daemon.process().open_descriptors(), kConnections);

    // All of them are open now, and all of them talk.
    for (EchoConnection& connection : fleet.connections()) {
        connection.traffic().total_bytes = 16'384;
    }
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(echoed) || fleet.count(finished) > 0; }));
    EXPECT_EQ(fleet.count(echoed), kConnections);

    fleet.close_all();
    EXPECT_TRUE(eventually([&] { return daemon.process().open_descriptors() <= at_rest; }))
        << daemon.process().open_descriptors() << " descriptors, " << at_rest << " at rest";
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Echo, SixtyFourMebibytesThroughOneConnectionToASlowReader) {
    constexpr std::uint64_t kBytes = 64ULL << 20U;
    Daemon daemon(flags({"--workers", "1"}));
    EchoFleet fleet;
    const EchoConnection& connection = fleet.add(daemon.endpoint(), {.total_bytes = kBytes,
                                                                     .window_bytes = Traffic::kEndless,
                                                                     .chunk_bytes = 65'536,
                                                                     .half_close = true,
                                                                     .reading = Reading::when_stuck,
                                                                     .receive_buffer_bytes = 65'536});
    ASSERT_TRUE(fleet.run_until([&] { return finished(connection); }, patience(std::chrono::seconds(60))))
        << connection.received() << " bytes came back";
    EXPECT_EQ(connection.received(), kBytes);
    EXPECT_TRUE(connection.is_exact_prefix());
    EXPECT_EQ(connection.end(), EchoConnection::End::fin);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Echo, HalfClosedPeerGetsEveryByteThenFin) {
    Daemon daemon(flags());
    EchoFleet fleet;
    for (const std::uint64_t bytes : {0ULL, 1ULL, 1000ULL, 300'000ULL, 3'000'000ULL}) {
        fleet.add(daemon.endpoint(),
                  {.total_bytes = bytes, .window_bytes = Traffic::kEndless, .chunk_bytes = 60'000, .half_close = true});
    }
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    for (const EchoConnection& connection : fleet.connections()) {
        EXPECT_EQ(connection.end(), EchoConnection::End::fin);
        EXPECT_EQ(connection.received(), connection.sent());
        EXPECT_TRUE(echoed(connection));
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Echo, IPv6AndIPv4ListenersServeTogether) {
    Daemon daemon(Daemon::Options{.arguments = flags(), .listen = {"tcp://[::1]:0", "tcp://127.0.0.1:0"}});
    ASSERT_EQ(daemon.endpoint(0).storage.ss_family, AF_INET6);
    ASSERT_EQ(daemon.endpoint(1).storage.ss_family, AF_INET);
    EchoFleet fleet;
    fleet.add(daemon.endpoint(0), {.total_bytes = 100'000, .half_close = true}, 10);
    fleet.add(daemon.endpoint(1), {.total_bytes = 100'000, .half_close = true}, 10);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count(echoed), fleet.size());
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Echo, ManyWorkersServeConnectionsThatComeAndGo) {
    Daemon daemon(flags({"--workers", "4"}));
    for (int round = 0; round < 10; ++round) {
        EchoFleet fleet;
        fleet.add(daemon.endpoint(),
                  {.total_bytes = 10'000, .window_bytes = 3'000, .chunk_bytes = 777, .half_close = true}, 50);
        ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); })) << "round " << round;
        ASSERT_EQ(fleet.count(echoed), fleet.size()) << "round " << round;
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

// More connections than select(2) has room for: poll has it from the beginning, auto moves there.
class BeyondSelect : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, BeyondSelect, testing::Values("poll", "auto"), driver_name);

TEST_P(BeyondSelect, FifteenHundredConnectionsAtOnceGetEveryByteBack) {
    constexpr std::size_t kConnections = 1500;
    raise_descriptor_limit();
    Daemon daemon(flags());
    const std::size_t at_rest = daemon.process().open_descriptors();
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 2'000, .window_bytes = 500}, kConnections);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(echoed) || fleet.count(finished) > 0; }));
    EXPECT_EQ(fleet.count(echoed), kConnections);
    EXPECT_GE(daemon.process().open_descriptors(), kConnections);
    fleet.close_all();
    // A better driver may cost a descriptor or two, once.
    constexpr std::size_t kMoved = 4;
    EXPECT_TRUE(eventually([&] { return daemon.process().open_descriptors() <= at_rest + kMoved; }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

}  // namespace
}  // namespace mynah::integration
