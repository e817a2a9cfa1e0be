// The admin listener of a real mynahd: what it tells while the daemon serves, and through a drain.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/admin_client.hpp"
#include "tests/integration/daemon.hpp"
#include "tests/integration/drivers.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/ledger_file.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

constexpr const char* kHour = "1h";

class Admin : public WithDriver {
  protected:
    // The flags of a daemon with this test's driver and an admin listener.
    static std::vector<std::string> flags(std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"--admin", "http://127.0.0.1:0"});
        return WithDriver::flags(std::move(more));
    }
};
INSTANTIATE_TEST_SUITE_P(Drivers, Admin, testing::Values("select", "poll", "epoll", "io_uring"), driver_name);

bool is_all_echoed(const EchoConnection& connection) {
    return connection.is_all_echoed() && connection.is_exact_prefix();
}
bool finished(const EchoConnection& connection) {
    return connection.end() != EchoConnection::End::none;
}

std::string ended_because(std::string_view reason) {
    return "mynahd_sessions_ended_total{reason=\"" + std::string(reason) + "\"}";
}

TEST_P(Admin, IsAnnouncedBeforeReadyAndAnswers) {
    Daemon daemon(flags());
    const std::vector<std::string> lines = lines_of(daemon.process().text(Output::standard));
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0], "listening " + daemon.endpoint().text());
    EXPECT_EQ(lines[1], "admin " + daemon.admin());
    EXPECT_EQ(lines[2], "ready");
    EXPECT_EQ(get(daemon.admin(), "/healthz").text, "ok\n");
    const AdminAnswer ready = get(daemon.admin(), "/readyz");
    EXPECT_EQ(ready.status, 200);
    EXPECT_EQ(ready.text, "serving\n");
    EXPECT_EQ(get(daemon.admin(), "/").status, 200);
    EXPECT_EQ(get(daemon.admin(), "/nothing").status, 404);
    EXPECT_EQ(get(daemon.admin(), "/readyz", {{"Host", "evil.example"}}).status, 403);
    EXPECT_EQ(get(daemon.admin(), "/readyz", {{"Origin", "http://evil.example"}}).status, 403);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
}

TEST_P(Admin, ReadinessEndsWithTheFirstSignalAndIsToldUntilTheExit) {
    Daemon daemon(flags({"--drain-grace", kHour, "--drain-timeout", kHour, "--write-timeout", kHour}));
    EchoFleet stubborn;
    stubborn.add(daemon.endpoint(), {.total_bytes = Traffic::kEndless,
                                     .window_bytes = Traffic::kEndless,
                                     .chunk_bytes = 65'536,
                                     .reading = Reading::never});
    // Until the path is full: the daemon finds no quiet moment in this one.
    std::uint64_t last_sent = 0;
    auto since = Clock::now();
    ASSERT_TRUE(stubborn.run_until([&] {
        if (stubborn.total_sent() != last_sent) {
            last_sent = stubborn.total_sent();
            since = Clock::now();
        }
        return last_sent > 0 && Clock::now() - since > patience(std::chrono::milliseconds(150));
    }));

    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("not_ready"));
    AdminAnswer ready = get(daemon.admin(), "/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.text, "not_ready\n");
    EXPECT_TRUE(accepts_connections(daemon.endpoint())) << "the grace goes on accepting";

    daemon.terminate();
    ASSERT_TRUE(daemon.wait_for_phase("closing"));
    ready = get(daemon.admin(), "/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.text, "closing\n");
    EXPECT_FALSE(accepts_connections(daemon.endpoint()));
    EXPECT_EQ(get(daemon.admin(), "/healthz").status, 200) << "it lives";
    const Numbers numbers = metrics_of(daemon.admin());
    EXPECT_EQ(numbers["mynahd_drain_phase{phase=\"closing\"}"], 1);
    EXPECT_EQ(numbers.sum("mynahd_drain_phase"), 1);
    // The stubborn one; whom the grace accepted may take a moment to be gone.
    EXPECT_TRUE(eventually([&] { return metrics_of(daemon.admin())["mynahd_connections_open"] == 1; }));

    daemon.terminate();
    EXPECT_EQ(daemon.wait_for_exit(), 3);
    EXPECT_EQ(get(daemon.admin(), "/healthz").status, 0);
}

TEST_P(Admin, BytesAreCountedWhileTheirConnectionsAreOpen) {
    constexpr std::size_t kCount = 20;
    constexpr std::uint64_t kBytes = 123'457;
    const ScratchFolder scratch;
    const std::string socket = "unix://" + scratch.path("echo.sock");
    Daemon daemon(Daemon::Options{.arguments = flags({"--workers", "3"}), .listen = {"tcp://127.0.0.1:0", socket}});
    EchoFleet fleet;
    fleet.add(daemon.endpoint(0), {.total_bytes = kBytes}, kCount);
    fleet.add(daemon.endpoint(1), {.total_bytes = 1'000}, 3);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(is_all_echoed); }));

    const Numbers open = metrics_of(daemon.admin());
    EXPECT_EQ(open["mynahd_received_bytes_total{transport=\"tcp\"}"], kCount * kBytes);
    EXPECT_EQ(open["mynahd_received_bytes_total{transport=\"unix\"}"], 3'000);
    // The last send's count may come a moment after its bytes.
    EXPECT_TRUE(eventually([&] {
        const Numbers now = metrics_of(daemon.admin());
        return now["mynahd_sent_bytes_total{transport=\"tcp\"}"] == static_cast<double>(kCount * kBytes) &&
               now["mynahd_sent_bytes_total{transport=\"unix\"}"] == 3'000;
    }));
    EXPECT_EQ(open["mynahd_connections_open"], kCount + 3);
    EXPECT_EQ(open.sum("mynahd_worker_connections"), kCount + 3);
    EXPECT_EQ(
        open["mynahd_connections_accepted_total{listener=\"" + daemon.endpoint(0).text() + "\",transport=\"tcp\"}"],
        kCount);
    EXPECT_EQ(open["mynahd_connections_accepted_total{listener=\"" + socket + "\",transport=\"unix\"}"], 3);
    EXPECT_EQ(open["mynahd_workers"], 3);
    EXPECT_EQ(open[std::string("mynahd_worker_info{worker=\"2\",driver=\"") + GetParam() + "\"}"], 1);
    EXPECT_EQ(open.sum("mynahd_sessions_ended_total"), 0);
    EXPECT_GE(open["mynahd_tasks"], kCount + 3);

    fleet.close_all();
    EXPECT_TRUE(eventually([&] { return metrics_of(daemon.admin())[ended_because("end_of_stream")] == kCount + 3; }));
    const Numbers closed = metrics_of(daemon.admin());
    EXPECT_EQ(closed["mynahd_connections_open"], 0);
    EXPECT_EQ(closed.sum("mynahd_received_bytes_total"), static_cast<double>(kCount * kBytes + 3'000));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_NE(daemon.log().find("bytes_in=" + std::to_string(kCount * kBytes + 3'000)), std::string::npos);
}

TEST_P(Admin, DatagramsAreCountedWithTheirDrops) {
    Daemon daemon(Daemon::Options{.arguments = flags({"--udp-largest", "100B"}), .listen = {"udp://127.0.0.1:0"}});
    const Endpoint& endpoint = daemon.endpoint();
    const Socket socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::string too_long(101, 'x');
    std::array<char, 200> back{};
    for (const std::string_view text :
         {std::string_view("hello"), std::string_view(too_long), std::string_view("you")}) {
        ASSERT_EQ(::sendto(socket.fd(), text.data(), text.size(), 0, endpoint.address(), endpoint.length),
                  static_cast<ssize_t>(text.size()));
    }
    ASSERT_EQ(::recv(socket.fd(), back.data(), back.size(), 0), 5);
    ASSERT_EQ(::recv(socket.fd(), back.data(), back.size(), 0), 3);
    EXPECT_TRUE(eventually([&] { return metrics_of(daemon.admin())["mynahd_datagrams_echoed_total"] == 2; }));
    const Numbers numbers = metrics_of(daemon.admin());
    EXPECT_EQ(numbers["mynahd_datagrams_received_total"], 3);
    EXPECT_EQ(numbers["mynahd_datagrams_dropped_total{reason=\"truncated\"}"], 1);
    EXPECT_EQ(numbers.sum("mynahd_datagrams_dropped_total"), 1);
    EXPECT_EQ(numbers["mynahd_sent_bytes_total{transport=\"udp\"}"], 8);
}

TEST_P(Admin, RefusalsAndLedgerRowsAreCounted) {
    const ScratchFolder scratch;
    const std::string ledger = scratch.path("ledger.sqlite");
    Daemon daemon(Daemon::Options{.arguments = flags({"--max-connections", "2"}), .ledger = "sqlite:" + ledger});
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 10}, 2);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.all(is_all_echoed); }));
    EchoFleet refused;
    refused.add(daemon.endpoint(), {.total_bytes = 10}, 3);
    ASSERT_TRUE(refused.run_until([&] { return refused.all(finished); }));
    fleet.close_all();
    EXPECT_TRUE(eventually([&] { return metrics_of(daemon.admin())["mynahd_ledger_rows_written_total"] == 2; }));
    const Numbers numbers = metrics_of(daemon.admin());
    EXPECT_EQ(numbers["mynahd_connections_refused_total{reason=\"limits.connections\"}"], 3);
    EXPECT_EQ(numbers.sum("mynahd_connections_refused_total"), 3);
    EXPECT_EQ(numbers.sum("mynahd_connections_accepted_total"), 5);
    EXPECT_EQ(numbers["mynahd_ledger_rows_queued"], 0);
    EXPECT_EQ(numbers["mynahd_ledger_rows_lost_total"], 0);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(read_ledger(ledger).size(), 2U);
}

TEST_P(Admin, WorkersAreMeasured) {
    Daemon daemon(flags({"--workers", "2"}));
    EXPECT_TRUE(eventually([&] {
        const Numbers numbers = metrics_of(daemon.admin());
        return numbers["mynahd_worker_delay_seconds_count{worker=\"0\"}"] >= 2 &&
               numbers["mynahd_worker_delay_seconds_count{worker=\"1\"}"] >= 2;
    }));
}

TEST_P(Admin, TasksAreListedWhileTheEchoGoesOn) {
    Daemon daemon(flags());
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = Traffic::kEndless}, 10);
    ASSERT_TRUE(fleet.run_until([&] { return fleet.total_received() > 100'000; }));
    const AdminAnswer tasks = get(daemon.admin(), "/tasks");
    EXPECT_EQ(tasks.status, 200);
    EXPECT_NE(tasks.text.find("task 1 ["), std::string::npos) << tasks.text;
    EXPECT_NE(tasks.text.find("server/session.cpp"), std::string::npos) << tasks.text;
    const std::uint64_t before = fleet.total_received();
    EXPECT_TRUE(fleet.run_until([&] { return fleet.total_received() > before + 100'000; }));
    EXPECT_TRUE(fleet.all([](const EchoConnection& c) { return c.is_exact_prefix(); }));
}

// A connection that is kept for the next request is no reason to stay.
TEST_P(Admin, AKeptConnectionDoesNotHoldUpTheEnd) {
    Daemon daemon(flags());
    httplib::Client client(daemon.admin());
    client.set_keep_alive(true);
    ASSERT_EQ(client.Get("/healthz")->status, 200);
    EXPECT_EQ(daemon.terminate_and_wait(), 0);  // within the patience of a test, far below that of a connection
}

TEST(AdminStartup, APortInUseIsOneClearLineAndExitStatusOne) {
    Daemon daemon(std::vector<std::string>{"--admin", "http://127.0.0.1:0"});
    const RunResult second = run_mynahd({"--listen", "tcp://127.0.0.1:0", "--admin", daemon.admin()});
    EXPECT_EQ(second.status, 1);
    EXPECT_EQ(second.out, "");
    EXPECT_EQ(second.err, "mynahd: cannot listen on " + daemon.admin() + " for admin.listen: Address already in use\n");
    EXPECT_EQ(get(daemon.admin(), "/readyz").status, 200) << "the first daemon was disturbed";
}

TEST(AdminStartup, AMistakeIsOneLineThatNamesItAndExitStatusTwo) {
    struct Mistake {
        std::vector<std::string> arguments;
        std::string part;
    };
    for (const Mistake& mistake : std::vector<Mistake>{
             {{"--admin", "tcp://127.0.0.1:7008"}, "mynahd: --admin: \"tcp://127.0.0.1:7008\" is not an admin address"},
             {{"--admin", "http://0.0.0.0:0"},
              "admin.listen (http://0.0.0.0:0, from --admin) is not a loopback address"},
             {{"--admin-host", "a:1"}, "mynahd: --admin-host: \"a:1\" is not a host"},
             {{"--check", "--admin", "nowhere"}, "mynahd: --admin: \"nowhere\" is not an admin address"}}) {
        const RunResult run = run_mynahd(mistake.arguments);
        EXPECT_EQ(run.status, 2);
        EXPECT_EQ(run.out, "");
        EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
        EXPECT_NE(run.err.find(mistake.part), std::string::npos) << run.err;
    }
}

TEST(AdminStartup, IsOffUnlessItIsAskedFor) {
    Daemon daemon;
    EXPECT_EQ(daemon.admin(), "");
    EXPECT_EQ(lines_of(daemon.process().text(Output::standard)).size(), 2U);
}

TEST(AdminStartup, APublicAddressIsAskedByTheNamesThatAreConfigured) {
    Daemon daemon(std::vector<std::string>{"--admin", "http://0.0.0.0:0", "--admin-public", "true", "--admin-host",
                                           "echo-1.example.org"});
    ASSERT_TRUE(daemon.admin().starts_with("http://0.0.0.0:"));
    const std::string port = daemon.admin().substr(daemon.admin().rfind(':'));
    const std::string local = "http://127.0.0.1" + port;
    EXPECT_EQ(get(local, "/readyz").status, 200);
    EXPECT_EQ(get(local, "/readyz", {{"Host", "echo-1.example.org" + port}}).status, 200);
    EXPECT_EQ(get(local, "/readyz", {{"Host", "echo-2.example.org" + port}}).status, 403);
}

}  // namespace
}  // namespace mynah::integration
