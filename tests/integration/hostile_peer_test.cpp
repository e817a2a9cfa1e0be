// Peers that do not behave: who never reads, who resets, who knocks and runs. None stalls, ends or grows the daemon.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
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
using End = EchoConnection::End;

class HostilePeer : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, HostilePeer, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

constexpr Traffic kNeverReads{.total_bytes = Traffic::kEndless,
                              .window_bytes = Traffic::kEndless,
                              .chunk_bytes = 65'536,
                              .reading = Reading::never,
                              .receive_buffer_bytes = 16'384};

bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}

void expect_still_serving(const Daemon& daemon) {
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 50'000, .half_close = true}, 5);
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_TRUE(fleet.all([](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); }));
}

// AddressSanitizer keeps what was freed, 256 MiB of it, out of use: that is no memory of the daemon's.
std::string without_quarantine() {
    const char* inherited = std::getenv("ASAN_OPTIONS");
    return "ASAN_OPTIONS=" + (inherited == nullptr ? std::string() : std::string(inherited) + ":") +
           "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

// Drives the fleet until no connection has been able to send for a while.
void fill_up(EchoFleet& fleet) {
    std::uint64_t last_sent = 0;
    auto since = Clock::now();
    ASSERT_TRUE(fleet.run_until([&] {
        if (fleet.total_sent() != last_sent) {
            last_sent = fleet.total_sent();
            since = Clock::now();
        }
        return last_sent > 0 && Clock::now() - since > patience(milliseconds(150));
    }));
}

std::size_t rows_with(const std::string& ledger, std::string_view reason) {
    std::size_t count = 0;
    for (const LedgerRow& row : read_ledger(ledger)) {
        count += row.close_reason == reason ? 1U : 0U;
    }
    return count;
}

TEST_P(HostilePeer, WhoNeverReadsCostsBoundedMemoryAndIsClosedByTheWriteTimeout) {
    constexpr std::size_t kPeers = 20;
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--write-timeout", "2s"}),
                                  .ledger = "sqlite:" + ledger,
                                  .environment = {without_quarantine()}});
    expect_still_serving(daemon);  // also: whatever is allocated once is allocated now
    const std::size_t before = daemon.process().resident_bytes();
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), kNeverReads, kPeers);
    fill_up(fleet);
    const std::size_t after = daemon.process().resident_bytes();
    // The kernel holds megabytes for each of them; we may hold a receive buffer (64 KiB) and a frame.
    const std::size_t allowed = kPeers * (std::size_t{256} << 10U) * static_cast<std::size_t>(patience_factor());
    EXPECT_LT(after, before + allowed) << before << " bytes resident before, " << after << " after";
    EXPECT_GT(fleet.total_sent(), 2 * allowed / static_cast<std::size_t>(patience_factor()))
        << "the peers did not send enough to prove anything";
    expect_still_serving(daemon);

    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); })) << fleet.count(finished) << " of " << kPeers;
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(rows_with(ledger, "write_timeout"), kPeers);
}

TEST_P(HostilePeer, ResetInMidWriteEndsThatConnectionAlone) {
    constexpr std::size_t kPeers = 20;
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags(), .ledger = "sqlite:" + ledger});
    expect_still_serving(daemon);
    const std::size_t at_rest = daemon.process().open_descriptors();
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), kNeverReads, kPeers);
    fill_up(fleet);
    for (EchoConnection& connection : fleet.connections()) {
        connection.socket().close_with_reset();
    }
    // One descriptor or a few belong to the ledger, which opens with the first session's end.
    EXPECT_TRUE(eventually([&] { return daemon.process().open_descriptors() <= at_rest + 3; }));
    expect_still_serving(daemon);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(rows_with(ledger, "reset"), kPeers);
}

TEST_P(HostilePeer, KnockingAndRunningLeavesNothingBehind) {
    Daemon daemon(flags());
    expect_still_serving(daemon);
    const std::size_t at_rest = daemon.process().open_descriptors();
    for (int i = 0; i < 300; ++i) {
        Socket socket = connect_to(daemon.endpoint(), Connect::blocking);
        if (i % 3 == 0) {
            ASSERT_EQ(::send(socket.fd(), "abc", 3, MSG_NOSIGNAL), 3);
        }
        if (i % 2 == 0) {
            socket.close_with_reset();
        }
    }
    expect_still_serving(daemon);
    EXPECT_TRUE(eventually([&] { return daemon.process().open_descriptors() <= at_rest; }))
        << daemon.process().open_descriptors() << " descriptors, " << at_rest << " at rest";
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(HostilePeer, IdleDaemonWithOpenConnectionsUsesNoCpu) {
    Daemon daemon(flags());
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 10}, 50);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.is_all_echoed(); }); }));
    const auto begin = Clock::now();
    const auto cpu_before = daemon.process().cpu_time();
    ASSERT_TRUE(fleet.run_until([&] { return Clock::now() - begin >= std::chrono::seconds(1); }));
    const auto used = daemon.process().cpu_time() - cpu_before;
    EXPECT_LT(used * 20, Clock::now() - begin) << used.count() << " us";
}

}  // namespace
}  // namespace mynah::integration
