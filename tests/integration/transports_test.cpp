// Unix sockets, several transports in one daemon, and the options of its sockets.
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/foreign.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

namespace fs = std::filesystem;
using End = EchoConnection::End;

class UnixSocket : public WithDriver {};
INSTANTIATE_TEST_SUITE_P(Drivers, UnixSocket, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

Daemon::Options listening_at(std::vector<std::string> listen, std::vector<std::string> arguments = {}) {
    return {.arguments = std::move(arguments), .listen = std::move(listen)};
}

std::string abstract_name() {
    return "mynah-test-" + std::to_string(::getpid());
}

bool finished(const EchoConnection& connection) {
    return connection.end() != End::none;
}

TEST_P(UnixSocket, ForeignClientsGetEveryByteBack) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("echo.sock");
    Daemon daemon(listening_at({"unix://" + path, "unix://@" + abstract_name()}, flags()));
    const std::string input = some_bytes(1'000'000);
    EXPECT_TRUE(filtered(program("socat", {"-t", "60", "-", "UNIX-CONNECT:" + path}), input) == input);
    EXPECT_TRUE(filtered(program("socat", {"-t", "60", "-", "ABSTRACT-CONNECT:" + abstract_name()}), input) == input);
    EXPECT_TRUE(filtered(program("ncat", {"-U", path}), input) == input);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_FALSE(fs::exists(path)) << "the file is left behind";
}

TEST_P(UnixSocket, DrainLosesNoByteAndTheLedgerTellsThePeer) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    const std::string address = "unix://" + scratch.path("echo.sock");
    Daemon daemon({.arguments = flags(), .listen = {address}, .ledger = "sqlite:" + ledger});
    constexpr std::size_t kCount = 50;
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = Traffic::kEndless}, kCount);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.total_received() > 1'000'000; }));
    for (EchoConnection& connection : fleet.connections()) {
        connection.traffic().total_bytes = connection.sent();
    }
    daemon.terminate();
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    EXPECT_TRUE(fleet.all(
        [](const EchoConnection& c) { return c.end() == End::fin && c.is_all_echoed() && c.is_exact_prefix(); }));
    const std::vector<LedgerRow> rows = read_ledger(ledger);
    EXPECT_EQ(rows.size(), kCount);
    for (const LedgerRow& row : rows) {
        EXPECT_EQ(row.transport, "unix");
        EXPECT_EQ(row.local, address);
        EXPECT_EQ(row.peer, "unix:pid=" + std::to_string(::getpid()) + ",uid=" + std::to_string(::getuid()));
        EXPECT_EQ(row.bytes_in, row.bytes_out);
    }
}

TEST(UnixSocketFile, OfADaemonThatWasKilledIsReplaced) {
    const ScratchFolder scratch;
    const std::string address = "unix://" + scratch.path("echo.sock");
    {
        Daemon killed(listening_at({address}));
        killed.process().send_signal(SIGKILL);
        ASSERT_TRUE(killed.process().wait());
    }
    ASSERT_TRUE(fs::is_socket(scratch.path("echo.sock")));
    Daemon daemon(listening_at({address}));
    const RunResult echoed = run_mynah({"send", address, "hello"});
    EXPECT_EQ(echoed.status, 0) << echoed.err;
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(UnixSocketFile, OfADaemonThatListensIsInUse) {
    const ScratchFolder scratch;
    const std::string address = "unix://" + scratch.path("echo.sock");
    Daemon daemon(listening_at({address}));
    const RunResult second = run_mynahd({"--listen", address});
    EXPECT_EQ(second.status, 1);
    EXPECT_EQ(second.err, "mynahd: cannot listen on " + address + ": Address already in use\n");
    const RunResult echoed = run_mynah({"send", address, "hello"});
    EXPECT_EQ(echoed.status, 0) << "the first daemon was disturbed";
}

TEST(UnixSocketFile, ThatIsNoSocketIsNeverRemoved) {
    const ScratchFolder scratch;
    const std::string address = "unix://" + scratch.write("letter.txt", "dear parrot");
    const RunResult run = run_mynahd({"--listen", address});
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.err, "mynahd: cannot listen on " + address + ": a file that is no socket is in the way\n");
    EXPECT_EQ(scratch.read("letter.txt"), "dear parrot");
}

TEST(UnixSocketFile, HasThePermissionsThatAreConfigured) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("echo.sock");
    Daemon daemon(listening_at({"unix://" + path}, {"--unix-mode", "0622"}));
    EXPECT_EQ(fs::status(path).permissions(), fs::perms(0622));
}

TEST(Transports, OneDaemonServesThemAll) {
    const ScratchFolder scratch;
    const std::string path = scratch.path("echo.sock");
    Daemon daemon(listening_at({"tcp://127.0.0.1:0", "unix://" + path, "tcp://[::1]:0", "udp://127.0.0.1:0"}));
    const std::vector<std::string> lines = lines_of(daemon.process().text(Output::standard));
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[1], "listening unix://" + path);
    for (const std::size_t i : {0U, 1U, 2U}) {
        EXPECT_EQ(lines[i], "listening " + daemon.endpoint(i).text());
        const RunResult run = run_mynah({"send", daemon.endpoint(i).text(), "hello"});
        EXPECT_EQ(run.out, "hello\n") << run.err;
    }
    EXPECT_EQ(filtered(program("socat", {"-t", "1", "-", socat_udp(daemon.endpoint(3))}), "hello"), "hello");
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Transports, DualStackTakesIPv4OnAnIPv6Listener) {
    for (const bool dual : {false, true}) {
        const std::string stack = dual ? "true" : "false";
        Daemon daemon(listening_at({"tcp://[::]:0", "udp://[::]:0"}, {"--dual-stack", stack}));
        const std::string port = std::to_string(daemon.endpoint(0).port());
        EXPECT_EQ(accepts_connections(Endpoint::parse("tcp://127.0.0.1:" + port)), dual);
        EXPECT_TRUE(accepts_connections(Endpoint::parse("tcp://[::1]:" + port)));
        if (dual) {
            const std::string datagrams = "UDP4:127.0.0.1:" + std::to_string(daemon.endpoint(1).port());
            EXPECT_EQ(filtered(program("socat", {"-t", "1", "-", datagrams}), "hello"), "hello");
        }
    }
}

TEST(Transports, ReusePortServesAndDrainsOnEveryWorker) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon({.arguments = {"--reuse-port", "true", "--workers", "3", "--log-level", "debug"},
                   .listen = {"tcp://127.0.0.1:0"},
                   .ledger = "sqlite:" + ledger});
    EchoFleet fleet;
    constexpr std::size_t kCount = 100;
    fleet.add(daemon.endpoint(), {.total_bytes = 10'000, .half_close = true}, kCount);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(finished); }));
    EXPECT_TRUE(fleet.all([](const EchoConnection& c) { return c.is_all_echoed() && c.is_exact_prefix(); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    for (const char* worker : {"worker=0", "worker=1", "worker=2"}) {
        EXPECT_NE(daemon.log().find(worker), std::string::npos) << worker;
    }
    EXPECT_EQ(read_ledger(ledger).size(), kCount);
}

}  // namespace
}  // namespace mynah::integration
