// A thousand clients with bytes in flight when SIGTERM comes: every byte is accounted for, on both sides.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

using End = EchoConnection::End;

class DrainAccounting : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, DrainAccounting, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

// What the daemon says of a connection against what the connection saw itself.
void expect_row_agrees(const EchoConnection& connection, const LedgerRow& row) {
    EXPECT_EQ(row.bytes_out, connection.received()) << row.peer;
    EXPECT_EQ(row.bytes_in, row.bytes_out) << row.peer << ": bytes that were read and not echoed";
    EXPECT_EQ(row.bytes_in + row.discarded_after_fin, connection.sent()) << row.peer << ": bytes that nobody counted";
    EXPECT_EQ(row.transport, "tcp");
}

void expect_clean_end(EchoConnection& connection) {
    EXPECT_EQ(connection.end(), End::fin);
    EXPECT_TRUE(connection.is_exact_prefix());
    EXPECT_LE(connection.received(), connection.sent());
    EXPECT_EQ(connection.socket().take_error(), 0) << "a reset followed the FIN";
}

void drain_a_thousand_busy_clients(const std::vector<std::string>& flags) {
    constexpr std::size_t kClients = 1000;
    constexpr std::uint64_t kWarmBytes = 2'000;
    raise_descriptor_limit();
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags, .ledger = "sqlite:" + ledger});
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = Traffic::kEndless, .window_bytes = 6'000, .chunk_bytes = 700},
              kClients);
    ASSERT_TRUE(
        fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.received() >= kWarmBytes; }); }));

    daemon.terminate();
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.end() != End::none; }); },
                                patience(std::chrono::seconds(40))))
        << fleet.count([](const EchoConnection& c) { return c.end() == End::none; }) << " are still open";
    EXPECT_EQ(daemon.wait_for_exit(), 0);

    const std::vector<LedgerRow> rows = read_ledger(ledger);
    EXPECT_EQ(rows.size(), kClients);
    std::map<std::uint16_t, const LedgerRow*> row_of_port;
    for (const LedgerRow& row : rows) {
        row_of_port[row.peer_port()] = &row;
    }
    std::uint64_t total_in = 0;
    std::uint64_t total_out = 0;
    std::uint64_t total_discarded = 0;
    for (EchoConnection& connection : fleet.connections()) {
        expect_clean_end(connection);
        const auto found = row_of_port.find(connection.local_port());
        if (found == row_of_port.end()) {
            ADD_FAILURE() << "no row for port " << connection.local_port();
            continue;
        }
        expect_row_agrees(connection, *found->second);
        EXPECT_EQ(found->second->close_reason, "drained");
        total_in += found->second->bytes_in;
        total_out += found->second->bytes_out;
        total_discarded += found->second->discarded_after_fin;
    }
    EXPECT_EQ(total_in, total_out);
    EXPECT_EQ(total_out, fleet.total_received());
    EXPECT_EQ(total_in + total_discarded, fleet.total_sent());
    const std::string summary = "bytes_in=" + std::to_string(total_in) + " bytes_out=" + std::to_string(total_out) +
                                " discarded_after_fin=" + std::to_string(total_discarded);
    EXPECT_NE(daemon.log().find(summary), std::string::npos) << "the log does not say: " << summary;
    EXPECT_GT(total_discarded, 0U) << "no byte was late: the clients were not busy enough to prove anything";
}

TEST_P(DrainAccounting, EveryByteOfAThousandBusyClientsIsEchoedOrCounted) {
    drain_a_thousand_busy_clients(flags({"--drain-linger", "60s", "--drain-timeout", "120s"}));
}

TEST_P(DrainAccounting, EveryByteIsEchoedOrCountedWithGraceAndSpread) {
    drain_a_thousand_busy_clients(flags({"--workers", "3", "--drain-grace", "200ms", "--drain-spread", "500ms",
                                         "--drain-linger", "60s", "--drain-timeout", "120s"}));
}

}  // namespace
}  // namespace mynah::integration
