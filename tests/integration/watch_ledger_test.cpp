// mynah watch --ledger: each byte that was not echoed has the place where it was lost, by the servers' own account.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/socket.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Stands between a watch and mynahd, whose rows so have the address of the proxy. One connection at a time.
class Proxy {
  public:
    struct Harm {
        std::size_t lost = 0;  // of the first bytes that the server writes
        std::size_t held = 0;  // the server's FIN is held back until so many bytes have gone to it after it
    };

    Proxy(Endpoint server, Harm harm) : server_(std::move(server)), harm_(harm) {}

    void operator()(int client) {
        Socket server;
        const bool is_there = eventually([this, &server] {
            try {
                server = connect_to(server_, Connect::blocking);
                return true;
            } catch (const std::runtime_error&) {
                return false;  // until the next one has taken its place
            }
        });
        if (!is_there) {
            return;
        }
        std::size_t lost = 0;
        std::size_t after_fin = 0;
        bool server_ended = false;
        bool fin_passed = false;
        for (;;) {
            // A side that has ended is always readable.
            std::array<pollfd, 2> sides{pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                        pollfd{.fd = server_ended ? -1 : server.fd(), .events = POLLIN, .revents = 0}};
            if (::poll(sides.data(), sides.size(), -1) < 0) {
                return;
            }
            if (sides[1].revents != 0) {
                std::string bytes = receive_some(server.fd());
                server_ended = bytes.empty();
                const std::size_t losing = std::min(harm_.lost - lost, bytes.size());
                lost += losing;
                send_all(client, std::string_view(bytes).substr(losing));
            }
            if (sides[0].revents != 0) {
                const std::string bytes = receive_some(client);
                if (bytes.empty()) {
                    break;
                }
                send_all(server.fd(), bytes);
                after_fin += server_ended ? bytes.size() : 0;
            }
            if (server_ended && !fin_passed && after_fin >= harm_.held) {
                ::shutdown(client, SHUT_WR);
                fin_passed = true;
            }
        }
        ::shutdown(server.fd(), SHUT_WR);
        while (!server_ended) {
            const std::string bytes = receive_some(server.fd());
            server_ended = bytes.empty();
            send_all(client, bytes);
        }
    }

  private:
    Endpoint server_;
    Harm harm_;
};

/// The sum of a class over all connections that have a row.
std::uint64_t sum(const json& ledger, const char* name) {
    std::uint64_t all = 0;
    for (const json& connection : ledger["connections"]["list"]) {
        all += connection["bytes"][name].get<std::uint64_t>();
    }
    return all;
}

std::uint64_t bytes(const json& ledger, const char* name) {
    return ledger["bytes"][name].get<std::uint64_t>();
}

/// What always holds.
void expect_adds_up(const WatchReport& report) {
    ASSERT_TRUE(report.json.contains("ledger"));
    const json& ledger = report.json["ledger"];
    EXPECT_EQ(bytes(ledger, "not_echoed"), report.bytes("sent") - report.bytes("echoed"));
    std::uint64_t places = 0;
    for (const char* place :
         {"never_read", "discarded_after_fin", "not_written", "not_received", "came_otherwise", "unexplained"}) {
        places += bytes(ledger, place);
        if (std::string_view(place) != "unexplained") {
            EXPECT_EQ(bytes(ledger, place), sum(ledger, place)) << place;
        }
    }
    EXPECT_EQ(bytes(ledger, "not_echoed") + bytes(ledger, "added_by_server") + bytes(ledger, "added_on_the_way"),
              places)
        << ledger["bytes"];
    for (const json& connection : ledger["connections"]["list"]) {
        EXPECT_EQ(connection["sent"], connection["bytes_in"].get<std::uint64_t>() +
                                          connection["discarded_after_fin"].get<std::uint64_t>() +
                                          connection["bytes"]["never_read"].get<std::uint64_t>())
            << connection;
    }
}

void expect_balanced(const WatchReport& report) {
    expect_adds_up(report);
    EXPECT_EQ(report.json["ledger"]["balanced"], true) << report.out;
    EXPECT_EQ(report.json["ledger"]["without_row"]["count"], 0);
    EXPECT_EQ(report.json["ledger"]["contradictions"]["count"], 0);
    EXPECT_EQ(bytes(report.json["ledger"], "unexplained"), 0U);
    EXPECT_THAT(report.out, HasSubstr(": balanced to the byte\n"));
}

/// Connections that a server can know: one that a drain ended before it had sent anything has a row that names nobody.
std::int64_t that_sent(const WatchReport& report) {
    return std::ranges::count_if(report.json["connections"]["list"], [](const json& connection) {
        return connection["bytes"]["sent"].get<std::uint64_t>() > 0;
    });
}

Daemon::Options with_ledger(const std::string& ledger, std::vector<std::string> arguments = {},
                            std::string listen = "tcp://127.0.0.1:0") {
    return {.arguments = std::move(arguments), .listen = {std::move(listen)}, .ledger = "sqlite:" + ledger};
}

/// Long enough for whatever a slow machine does.
std::vector<std::string> watching(std::vector<std::string> more, const std::vector<std::string>& ledgers) {
    more.insert(more.end(), {"-W", "60s"});
    for (const std::string& ledger : ledgers) {
        more.insert(more.end(), {"--ledger", "sqlite:" + ledger});
    }
    return more;
}

/// By its log at level debug, as a watch shows a part of what happens in a second only.
bool is_served(const Daemon& daemon, std::size_t sessions) {
    return eventually([&daemon, sessions] {
        const std::string log = daemon.log();
        std::size_t begun = 0;
        for (const std::string& line : lines_of(log)) {
            begun += line.find("session begins") == std::string::npos ? 0U : 1U;
        }
        return begun >= sessions;
    });
}

TEST(WatchLedger, ACleanRunIsBalanced) {
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    Daemon daemon(with_ledger(ledger));
    WatchRun watch(daemon.endpoint().text(),
                   watching({"-c", "5", "-r", "500", "-d", "500ms", "--html", folder.path("page.html")}, {ledger}));
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 0) << report.out << report.err;
    expect_balanced(report);
    EXPECT_EQ(report.json["ledger"]["connections"]["count"], 5);
    EXPECT_EQ(bytes(report.json["ledger"], "not_echoed"), 0U);
    EXPECT_EQ(report.json["ledger"]["sources"][0]["rows"], 5);
    EXPECT_THAT(report.out, HasSubstr("\n5 connections found in 1 ledger, 0 in none: balanced to the byte\n"));
    EXPECT_THAT(folder.read("page.html"), HasSubstr("<h2>Ledger</h2>"));
}

TEST(WatchLedger, UnixSocketsAndFramesThatComeInPieces) {
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    Daemon daemon(with_ledger(ledger, {}, "unix://" + folder.path("echo")));
    WatchRun watch(daemon.endpoint().text(),
                   watching({"-c", "2", "-r", "100", "-s", "65507", "-d", "300ms"}, {ledger}));
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 0) << report.out << report.err;
    expect_balanced(report);
    EXPECT_EQ(report.json["ledger"]["connections"]["count"], 2);
}

TEST(WatchLedger, BehindAProxyADrainBalancesWithWhatWasDiscarded) {
    constexpr std::size_t kHeld = 3000;
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    Daemon daemon(with_ledger(ledger, {"--drain-linger", "60s", "--drain-timeout", "120s", "--log-level", "debug"}));
    const ScriptedServer proxy(Proxy(daemon.endpoint(), {.held = kHeld}));
    WatchRun watch(proxy.address(), watching({"-c", "1", "-r", "1000"}, {ledger}));
    ASSERT_TRUE(is_served(daemon, 1));
    daemon.terminate();
    ASSERT_TRUE(watch.process().wait_for(Output::error, "closed by the peer"));
    EXPECT_EQ(daemon.wait_for_exit(patience(std::chrono::seconds(60))), 0);
    Daemon next(with_ledger(ledger, {"--log-level", "debug"}, daemon.endpoint().text()));
    ASSERT_TRUE(is_served(next, 1));
    const WatchReport report = watch.end();
    expect_balanced(report);
    const json& first = report.json["ledger"]["connections"]["list"][0];
    EXPECT_GE(first["discarded_after_fin"], kHeld);
    EXPECT_EQ(first["discarded_after_fin"], report.bytes("unacknowledged")) << report.out;
    EXPECT_EQ(first["close_reason"], "drained");
    EXPECT_EQ(bytes(report.json["ledger"], "discarded_after_fin"), bytes(report.json["ledger"], "not_echoed"));
    for (const LedgerRow& row : read_ledger(ledger)) {
        EXPECT_NE(row.peer, report.connection(0)["local"].get<std::string>())
            << "the addresses could have told as well";
    }
}

TEST(WatchLedger, WhatAProxyLosesTheServerHasWritten) {
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    Daemon daemon(with_ledger(ledger));
    const ScriptedServer proxy(Proxy(daemon.endpoint(), {.lost = 100}));
    WatchRun watch(proxy.address(), watching({"-c", "1", "-r", "200", "-d", "500ms"}, {ledger}));
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 1);
    expect_balanced(report);
    EXPECT_EQ(report.bytes("silent"), 100U);
    EXPECT_EQ(bytes(report.json["ledger"], "not_received"), 100U);
    EXPECT_EQ(bytes(report.json["ledger"], "not_echoed"), 100U);
}

TEST(WatchLedger, WhatTheServerLosesAndAddsIsItsOwn) {
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    Daemon daemon(with_ledger(ledger, {"--fault", "drop,at=5000,length=10", "--fault", "duplicate,at=9000,length=64"}));
    WatchRun watch(daemon.endpoint().text(), watching({"-c", "1", "-r", "200", "-d", "1s"}, {ledger}));
    const WatchReport report = watch.end(false);
    EXPECT_EQ(report.status, 1);
    ASSERT_EQ(report.bytes("duplicated"), 64U) << "less than 9064 bytes were sent";
    expect_balanced(report);
    // Within a connection, one stands against the other.
    EXPECT_EQ(bytes(report.json["ledger"], "not_echoed"), 10U);
    EXPECT_EQ(bytes(report.json["ledger"], "came_otherwise"), 64U);
    EXPECT_EQ(bytes(report.json["ledger"], "added_by_server"), 54U);
}

TEST(WatchLedger, TwoServersOneAfterTheOtherHaveALedgerEach) {
    constexpr std::size_t kConnections = 8;
    const ScratchFolder folder;
    const std::string first = folder.path("first");
    const std::string second = folder.path("second");
    const std::vector<std::string> arguments{"--drain-spread", "100ms", "--log-level", "debug"};
    Daemon daemon(with_ledger(first, arguments));
    const std::string address = daemon.endpoint().text();
    WatchRun watch(address, watching({"-c", "8", "-r", "4000"}, {first, second}));
    ASSERT_TRUE(is_served(daemon, kConnections));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    Daemon next(with_ledger(second, arguments, address));
    ASSERT_TRUE(is_served(next, kConnections));
    const WatchReport report = watch.end();
    EXPECT_EQ(report.status, 0) << report.out;
    expect_balanced(report);
    const json& ledger = report.json["ledger"];
    EXPECT_EQ(ledger["connections"]["count"], that_sent(report));
    EXPECT_GT(ledger["sources"][0]["rows"], 0);
    EXPECT_GT(ledger["sources"][1]["rows"], 0);
    EXPECT_EQ(bytes(ledger, "never_read") + bytes(ledger, "discarded_after_fin"), report.bytes("unacknowledged"));
    EXPECT_EQ(bytes(ledger, "not_written"), 0U);
    EXPECT_EQ(bytes(ledger, "not_received"), 0U);
}

TEST(WatchLedger, WhatAKilledServerHadIsUnexplained) {
    constexpr std::size_t kConnections = 4;
    const ScratchFolder folder;
    const std::string ledger = folder.path("ledger");
    auto daemon = std::make_unique<Daemon>(with_ledger(ledger, {"--log-level", "debug"}));
    const std::string address = daemon->endpoint().text();
    WatchRun watch(address, watching({"-c", "4", "-r", "400"}, {ledger}));
    ASSERT_TRUE(is_served(*daemon, kConnections));
    const std::uint16_t port = daemon->endpoint().port();
    daemon->process().send_signal(SIGSTOP);
    ASSERT_TRUE(eventually([port] {
        const auto unread = unread_bytes(port);
        return unread.size() == kConnections && std::ranges::all_of(unread, [](auto bytes) { return bytes > 0; });
    }));
    daemon->process().send_signal(SIGKILL);
    daemon.reset();
    Daemon next(with_ledger(ledger, {"--log-level", "debug"}, address));
    ASSERT_TRUE(is_served(next, kConnections));
    watch.process().send_signal(SIGINT);
    ASSERT_TRUE(watch.process().wait_for(Output::error, "waiting up to 1m for the ledger's rows of 4 connections"));
    const WatchReport report = watch.end();
    EXPECT_EQ(report.status, 1);
    expect_adds_up(report);
    const json& account = report.json["ledger"];
    EXPECT_EQ(account["balanced"], false);
    EXPECT_EQ(account["without_row"]["count"], kConnections);
    EXPECT_EQ(account["connections"]["count"], that_sent(report) - static_cast<std::int64_t>(kConnections));
    EXPECT_GT(bytes(account, "unexplained"), 0U);
    EXPECT_EQ(bytes(account, "unexplained"), bytes(account, "not_echoed"));
    EXPECT_EQ(bytes(account, "unexplained"), report.bytes("reset"));
    EXPECT_THAT(report.out, HasSubstr("): no row in any ledger, "));
}

TEST(WatchLedger, AMistakeIsToldBeforeTheWatchBegins) {
    const ScratchFolder folder;
    const RunResult no_folder =
        run_mynah({"watch", "tcp://127.0.0.1:7007", "--ledger", "sqlite:" + folder.path("none/ledger")});
    EXPECT_EQ(no_folder.status, 2);
    EXPECT_EQ(no_folder.err, "mynah: --ledger: there is no folder " + folder.path("none") + ", so no ledger in it\n");
    const std::string letter = folder.write("letter", std::string(4096, 'x'));
    const RunResult no_ledger = run_mynah({"watch", "tcp://127.0.0.1:7007", "--ledger", "sqlite:" + letter});
    EXPECT_EQ(no_ledger.status, 2);
    EXPECT_EQ(no_ledger.err, "mynah: --ledger: cannot read ledger " + letter + ": file is not a database\n");
}

}  // namespace
}  // namespace mynah::integration
