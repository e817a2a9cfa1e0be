// Starting mynahd: what it prints, what it refuses, and with which status.
#include <chrono>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

void expect_one_line_with(const std::string& text, const std::vector<std::string>& parts) {
    EXPECT_EQ(lines_of(text).size(), 1U) << text;
    EXPECT_TRUE(text.ends_with('\n')) << text;
    for (const std::string& part : parts) {
        EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in: " << text;
    }
}

TEST(Startup, StandardOutputHasOneLineForEachListenerThenReady) {
    Daemon daemon(
        Daemon::Options{.arguments = {}, .listen = {"tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://127.0.0.1:0"}});
    const std::vector<std::string> lines = lines_of(daemon.process().text(Output::standard));
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0], "listening " + daemon.endpoint(0).text());
    EXPECT_EQ(lines[1], "listening " + daemon.endpoint(1).text());
    EXPECT_EQ(lines[2], "listening " + daemon.endpoint(2).text());
    EXPECT_EQ(lines[3], "ready");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NE(daemon.endpoint(i).port(), 0);
        EXPECT_TRUE(accepts_connections(daemon.endpoint(i)));
    }
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(lines_of(daemon.process().text(Output::standard)).size(), 4U) << "logs belong on stderr";
}

TEST(Startup, PortInUseIsOneClearLineAndExitStatusOne) {
    Daemon daemon;
    const std::string address = daemon.endpoint().text();
    const RunResult second = run_mynahd({"--listen", address, "--ledger", "off"});
    EXPECT_EQ(second.status, 1);
    EXPECT_EQ(second.out, "");
    expect_one_line_with(second.err, {address, "in use"});
    EXPECT_TRUE(accepts_connections(daemon.endpoint())) << "the first daemon was disturbed";
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST(Startup, PortIsFreeAgainAtOnceAfterADrain) {
    std::string address;
    {
        Daemon first;
        address = first.endpoint().text();
        EchoFleet fleet;
        const EchoConnection& connection = fleet.add(first.endpoint(), {.total_bytes = 10});
        ASSERT_TRUE(fleet.run_until([&] { return connection.is_all_echoed(); }));
        first.terminate();
        ASSERT_TRUE(fleet.run_until([&] { return connection.end() == EchoConnection::End::fin; }));
        ASSERT_EQ(first.wait_for_exit(), 0);
    }
    Daemon second(Daemon::Options{.arguments = {}, .listen = {address}});
    EXPECT_EQ(second.endpoint().text(), address);
    EXPECT_EQ(second.terminate_and_wait(), 0);
}

// The second begins the drain's next phase; those that come behind its end change nothing.
TEST(Startup, SignalsUntilTheVeryEndDoNotChangeTheStatus) {
    for (int i = 0; i < 20; ++i) {
        Daemon daemon;
        do {
            daemon.terminate();
        } while (!daemon.process().wait(std::chrono::milliseconds(0)));
        ASSERT_EQ(daemon.wait_for_exit(), 0) << i;
    }
}

TEST(Startup, VersionAndHelpGoToStandardOutput) {
    const RunResult version = run_mynahd({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.err, "");
    EXPECT_TRUE(version.out.starts_with("mynahd ")) << version.out;

    const RunResult help = run_mynahd({"--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    for (const char* flag : {"--config", "--listen", "--driver", "--workers", "--idle-timeout", "--drain-grace",
                             "--drain-timeout", "--ledger", "--log-level", "--log-format", "--check", "--version"}) {
        EXPECT_NE(help.out.find(flag), std::string::npos) << flag;
    }
}

struct BadFlags {
    const char* name;
    std::vector<std::string> arguments;
    std::string named;  // what the line must say
};

// CTest shows it beside the test's name.
void PrintTo(const BadFlags& tested, std::ostream* out) {
    *out << tested.name;
}

class BadCommandLine : public testing::TestWithParam<BadFlags> {};

TEST_P(BadCommandLine, IsOneLineThatNamesItAndExitStatusTwo) {
    const RunResult run = run_mynahd(GetParam().arguments);
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.out, "");
    expect_one_line_with(run.err, {GetParam().named});
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadCommandLine,
    testing::Values(BadFlags{"UnknownFlag", {"--lisen", "tcp://127.0.0.1:0"}, "--lisen"},
                    BadFlags{"StrayArgument", {"tcp://127.0.0.1:0"}, "tcp://127.0.0.1:0"},
                    BadFlags{"FlagWithoutItsValue", {"--listen"}, "--listen"},
                    BadFlags{"AddressWithoutScheme", {"--listen", "127.0.0.1:7007"}, "127.0.0.1:7007"},
                    BadFlags{"AddressWithPortTooLarge", {"--listen", "tcp://127.0.0.1:65536"}, "65536"},
                    BadFlags{"AddressWithoutPort", {"--listen", "tcp://127.0.0.1"}, "tcp://127.0.0.1"},
                    BadFlags{"AddressWithUnclosedBracket", {"--listen", "tcp://[::1:7007"}, "tcp://[::1:7007"},
                    BadFlags{"EmptyAddress", {"--listen", ""}, "--listen"},
                    BadFlags{"UnknownDriver", {"--driver", "kqueue"}, "kqueue"},
                    BadFlags{"DurationWithoutUnit", {"--idle-timeout", "60"}, "--idle-timeout"},
                    BadFlags{"DurationWithUnknownUnit", {"--drain-grace", "5 parsecs"}, "--drain-grace"},
                    BadFlags{"NegativeDuration", {"--drain-timeout", "-5s"}, "--drain-timeout"},
                    BadFlags{"WorkersNotANumber", {"--workers", "many"}, "--workers"},
                    BadFlags{"WorkersTooMany", {"--workers", "99999999999999999999"}, "--workers"},
                    BadFlags{"UnknownLogLevel", {"--log-level", "loud"}, "loud"},
                    BadFlags{"UnknownLogFormat", {"--log-format", "xml"}, "xml"},
                    BadFlags{"UnknownLedger", {"--ledger", "mysql://somewhere"}, "mysql://somewhere"},
                    BadFlags{"EscapeBytesInAFlag", {"--\x1b[31mred"}, "unknown flag"}),
    [](const testing::TestParamInfo<BadFlags>& tested) { return tested.param.name; });

TEST(Startup, WhatIsQuotedInAnErrorIsEscaped) {
    const RunResult run = run_mynahd({"--driver", "\x1b]0;title\x07"});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.err.find('\x1b'), std::string::npos) << run.err;
    EXPECT_EQ(run.err.find('\x07'), std::string::npos) << run.err;
}

TEST(Startup, AddressOfAnotherMachineIsOneLineAndExitStatusOne) {
    const RunResult run = run_mynahd({"--listen", "tcp://192.0.2.1:7007", "--ledger", "off"});
    EXPECT_EQ(run.status, 1);
    expect_one_line_with(run.err, {"tcp://192.0.2.1:7007"});
}

}  // namespace
}  // namespace mynah::integration
