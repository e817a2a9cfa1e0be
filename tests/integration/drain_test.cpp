// The drain: its phases, its signals, its time limits, and what a peer sees of it.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using End = EchoConnection::End;

constexpr const char* kHour = "1h";

// Everything is sent, nothing is read: the daemon never finds a quiet moment in it.
constexpr Traffic kStubborn{.total_bytes = Traffic::kEndless,
                            .window_bytes = Traffic::kEndless,
                            .chunk_bytes = 65'536,
                            .reading = Reading::never};

class Drain : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, Drain, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

const std::vector<std::string> kAllPhases{"not_ready", "draining", "closing", "stopped"};

// The announcement of "serving" at the start is the daemon's choice; the order of the others is not.
void expect_all_phases_in_order(const Daemon& daemon) {
    std::vector<std::string> seen = daemon.phases();
    std::erase(seen, "serving");
    EXPECT_EQ(seen, kAllPhases) << daemon.log();
}

bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}
bool ended_with_fin(const EchoConnection& connection) {
    return connection.end() == End::fin;
}

// Opens `count` connections, each of which has had one echo: the daemon has accepted and serves them.
void add_served(EchoFleet& fleet, const Daemon& daemon, std::size_t count, Traffic traffic = {}) {
    traffic.total_bytes = 1;
    const std::size_t before = fleet.size();
    fleet.add(daemon.endpoint(), traffic, count);
    ASSERT_TRUE(fleet.run_until(
        [&] { return fleet.count([](const EchoConnection& c) { return c.received() > 0; }) >= before + count; }));
}

// A connection whose path is full in both directions.
void add_stubborn(EchoFleet& fleet, const Daemon& daemon) {
    EchoConnection& connection = fleet.add(daemon.endpoint(), kStubborn);
    auto full_since = Clock::now();
    std::uint64_t last_sent = 0;
    ASSERT_TRUE(fleet.run_until([&] {
        if (connection.sent() != last_sent || !connection.is_stuck()) {
            last_sent = connection.sent();
            full_since = Clock::now();
        }
        return last_sent > 0 && Clock::now() - full_since > milliseconds(100);
    }));
}

TEST_P(Drain, IdleDaemonExitsWithZeroThroughAllPhases) {
    for (const int number : {SIGTERM, SIGINT}) {
        Daemon daemon(flags());
        daemon.process().send_signal(number);
        EXPECT_EQ(daemon.wait_for_exit(), 0);
        expect_all_phases_in_order(daemon);
    }
}

TEST_P(Drain, GraceGoesOnAcceptingAndSecondSignalSkipsIt) {
    Daemon daemon(flags({"--drain-grace", kHour, "--drain-spread", "60s", "--drain-timeout", kHour}));
    EchoFleet fleet;
    add_served(fleet, daemon, 20);
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("not_ready"));
    add_served(fleet, daemon, 5);
    EXPECT_EQ(fleet.count(finished), 0U);

    const auto before = Clock::now();
    daemon.terminate();
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count(ended_with_fin), fleet.size());
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_LT(Clock::now() - before, seconds(40)) << "the spread of a minute was not skipped";
    expect_all_phases_in_order(daemon);
}

TEST_P(Drain, GraceEndsByItself) {
    Daemon daemon(flags({"--drain-grace", "300ms"}));
    EchoFleet fleet;
    add_served(fleet, daemon, 3);
    const auto before = Clock::now();
    daemon.terminate();
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_GE(Clock::now() - before, milliseconds(300));
    EXPECT_EQ(daemon.wait_for_exit(), 0);
}

TEST_P(Drain, ThirdSignalCutsAtOnceAndExitsWithThree) {
    Daemon daemon(flags({"--drain-grace", kHour, "--drain-timeout", kHour, "--write-timeout", kHour}));
    EchoFleet fleet;
    add_stubborn(fleet, daemon);
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("not_ready"));
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("draining"));
    EXPECT_FALSE(daemon.process().wait(milliseconds(200)).has_value()) << "the stubborn peer was cut too early";
    daemon.terminate();
    EXPECT_EQ(daemon.wait_for_exit(), 3);
    expect_all_phases_in_order(daemon);
}

TEST_P(Drain, TimeoutCutsTheStubbornPeerAloneAndExitsWithThree) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--drain-timeout", "700ms", "--write-timeout", kHour}),
                                  .ledger = "sqlite:" + ledger});
    EchoFleet stubborn;
    add_stubborn(stubborn, daemon);
    EchoFleet fleet;
    add_served(fleet, daemon, 10);
    const auto before = Clock::now();
    daemon.terminate();
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count(ended_with_fin), fleet.size());
    EXPECT_EQ(daemon.wait_for_exit(), 3);
    EXPECT_GE(Clock::now() - before, milliseconds(700));
    expect_all_phases_in_order(daemon);

    std::size_t cut = 0;
    for (const LedgerRow& row : read_ledger(ledger)) {
        const bool is_stubborn = row.peer_port() == stubborn.connections().front().local_port();
        EXPECT_EQ(row.close_reason, is_stubborn ? "cut" : "drained");
        cut += row.close_reason == "cut" ? 1U : 0U;
    }
    EXPECT_EQ(cut, 1U);
    EXPECT_NE(daemon.log().find("cut=1"), std::string::npos) << "the count of those cut is not in the log";
}

TEST_P(Drain, ListenersCloseOnceTheGraceIsOver) {
    Daemon daemon(flags({"--drain-timeout", kHour, "--write-timeout", kHour}));
    EchoFleet stubborn;
    add_stubborn(stubborn, daemon);
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("draining"));
    EXPECT_TRUE(eventually([&] { return !accepts_connections(daemon.endpoint()); }));
}

TEST_P(Drain, ConnectionsThatWaitInTheQueueAreServed) {
    constexpr std::size_t kQueued = 50;
    Daemon daemon(flags());
    // The kernel completes handshakes for a stopped daemon: all of these are in its accept queue when the signal comes.
    daemon.process().send_signal(SIGSTOP);
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 2'000, .window_bytes = 2'000}, kQueued);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.sent() == 2'000; }); }));
    daemon.terminate();
    daemon.process().send_signal(SIGCONT);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count(ended_with_fin), kQueued);
    EXPECT_EQ(fleet.count([](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); }), kQueued);
    EXPECT_EQ(daemon.wait_for_exit(), 0);
}

// Of a connection that is served as well, whatever is in the kernel when its turn to close comes.
TEST_P(Drain, BytesThatWaitInManyConnectionsAreEchoed) {
    constexpr std::size_t kCount = 100;
    Daemon daemon(flags({"--workers", "1"}));
    EchoFleet fleet;
    add_served(fleet, daemon, kCount);
    daemon.process().send_signal(SIGSTOP);
    for (EchoConnection& connection : fleet.connections()) {
        connection.traffic().total_bytes = 2'000;
        connection.traffic().window_bytes = 2'000;
    }
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.sent() == 2'000; }); }));
    daemon.terminate();
    daemon.process().send_signal(SIGCONT);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count([](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); }), kCount);
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_NE(daemon.log().find("discarded_after_fin=0"), std::string::npos);
}

TEST_P(Drain, BytesAfterTheFinAreCountedNeverEchoed) {
    constexpr std::uint64_t kLate = 1'000'000;
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--drain-linger", "60s", "--drain-timeout", kHour}),
                                  .ledger = "sqlite:" + ledger});
    EchoFleet fleet;
    add_served(fleet, daemon, 1, {.late_bytes = kLate});
    daemon.terminate();
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EchoConnection& connection = fleet.connections().front();
    EXPECT_EQ(connection.end(), End::fin);
    EXPECT_EQ(connection.socket().take_error(), 0) << "a reset followed the FIN";
    EXPECT_EQ(connection.sent(), 1 + kLate);
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].bytes_in, 1U);
    EXPECT_EQ(rows[0].bytes_out, 1U);
    EXPECT_EQ(rows[0].discarded_after_fin, kLate);
    EXPECT_EQ(rows[0].close_reason, "drained");
}

TEST_P(Drain, PeerThatNeverClosesIsWaitedForNoLongerThanTheLinger) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--drain-linger", "300ms", "--drain-timeout", kHour}),
                                  .ledger = "sqlite:" + ledger});
    const Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
    char byte = 'x';
    ASSERT_EQ(::send(socket.fd(), &byte, 1, MSG_NOSIGNAL), 1);
    ASSERT_EQ(::recv(socket.fd(), &byte, 1, 0), 1);
    const auto before = Clock::now();
    daemon.terminate();
    EXPECT_EQ(::recv(socket.fd(), &byte, 1, 0), 0) << "no FIN";
    // The peer has had every byte and its FIN: nothing was lost, so nothing counts as cut.
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_GE(Clock::now() - before, milliseconds(300));
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].close_reason, "linger_expired");
}

TEST_P(Drain, ClosesAreSpread) {
    Daemon daemon(flags({"--drain-spread", "2s"}));
    EchoFleet fleet;
    add_served(fleet, daemon, 20);
    daemon.terminate();
    ASSERT_TRUE(fleet.run_until([&] { return fleet.count(finished) > 0; }));
    const auto first = Clock::now();
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_GT(Clock::now() - first, milliseconds(500));
    EXPECT_EQ(fleet.count(ended_with_fin), fleet.size());
    EXPECT_EQ(daemon.wait_for_exit(), 0);
}

TEST_P(Drain, SessionsGoOnEchoingUntilTheirTurn) {
    Daemon daemon(flags({"--drain-spread", "1h", "--drain-timeout", "1h"}));
    EchoFleet fleet;
    add_served(fleet, daemon, 100);
    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("draining"));
    for (EchoConnection& connection : fleet.connections()) {
        connection.traffic().total_bytes = 5'000;
    }
    // An hour's spread has closed but a few of a hundred by now: the others must still echo.
    const auto served = [](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); };
    // One that was served may have had its turn to close since.
    const auto served_or_finished = [&](const EchoConnection& c) { return served(c) || finished(c); };
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(served_or_finished); }));
    EXPECT_GE(fleet.count(served), fleet.size() / 2);
    daemon.terminate();
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(fleet.count(ended_with_fin), fleet.size());
    EXPECT_EQ(daemon.wait_for_exit(), 0);
}

// Peers that keep connecting do not keep the daemon from closing its listeners and ending.
TEST_P(Drain, IsNotHeldUpByPeersThatKeepConnecting) {
    Daemon daemon(flags({"--workers", "1", "--drain-timeout", kHour, "--drain-linger", "50ms"}));
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> knocked{0};
    const auto knock = [&](const std::string& from_host) {
        std::deque<Socket> open;
        for (; !stop.load() && knocked.load() < 1'000'000; knocked.fetch_add(1)) {
            try {
                open.push_back(connect_to(daemon.endpoint(), Connect::non_blocking, {.from_host = from_host}));
            } catch (const std::runtime_error&) {
                stop.store(true);  // out of ports: that was flood enough
            }
            if (open.size() > 50) {
                open.front().close_with_reset();
                open.pop_front();
            }
        }
    };
    std::vector<std::jthread> peers;
    for (const int i : {2, 3}) {
        peers.emplace_back(knock, "127.0.0." + std::to_string(i));
    }
    EXPECT_TRUE(eventually([&] { return knocked.load() > 1'000; }));
    daemon.terminate();
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_FALSE(stop.exchange(true)) << "the flood ended before the daemon did";
}

}  // namespace
}  // namespace mynah::integration
