// mynah watch through HAProxy, while the servers behind it are replaced one after the other, or crash.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "tests/integration/admin_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/fleet.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/steady_traffic.hpp"
#include "tests/integration/watch_run.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;

constexpr std::size_t kConnections = 200;

/// A few frames a second on each; an answer may take as long as it likes.
std::vector<std::string> flags() {
    return {"-c", std::to_string(kConnections), "-r", "2000", "-W", std::to_string(patience().count()) + "ms"};
}

/// Sessions that are open on all servers, and bytes that they have received.
struct Load {
    double open = 0;
    double received = 0;
};

Load load_of(Fleet& fleet) {
    Load load;
    for (std::size_t server = 0; server < Fleet::kServers; ++server) {
        const Numbers numbers = metrics_of(fleet.server(server).admin());
        load.open += numbers["mynahd_connections_open"];
        load.received += numbers["mynahd_received_bytes_total{transport=\"tcp\"}"];
    }
    return load;
}

/// Until every connection is there, and some more has gone through them. `others`: there are more than those.
[[nodiscard]] bool all_are_served(Fleet& fleet, bool others = false) {
    constexpr double kMore = 50'000;
    const double before = load_of(fleet).received;
    return eventually([&] {
        const Load load = load_of(fleet);
        return (others ? load.open >= kConnections : load.open == kConnections) && load.received >= before + kMore;
    });
}

/// "outages: 3 up to 16 ms, 41 up to 32 ms, ..."
std::string histogram_of(const json& outages) {
    std::array<std::size_t, 20> up_to{};  // 2^i ms
    for (const json& outage : outages["list"]) {
        const double milliseconds = outage["length_s"].get<double>() * 1000;
        std::size_t power = 0;
        while (power + 1 < up_to.size() && milliseconds > static_cast<double>(std::uint64_t{1} << power)) {
            ++power;
        }
        ++up_to[power];
    }
    std::string text = std::to_string(outages["count"].get<std::uint64_t>()) + " outages:";
    for (std::size_t power = 0; power < up_to.size(); ++power) {
        if (up_to[power] > 0) {
            text += " " + std::to_string(up_to[power]) + " up to " + std::to_string(std::uint64_t{1} << power) + " ms,";
        }
    }
    return text + " the longest of " + std::to_string(outages["longest_s"].get<double>() * 1000) + " ms";
}

TEST(WatchedRollout, OfTwoHundredConnectionsNothingIsLost) {
    Fleet fleet;
    WatchRun watch(fleet.endpoint().text(), flags());
    ASSERT_TRUE(all_are_served(fleet));
    SteadyTraffic newcomers(fleet.endpoint(), 0);  // so that new connections come at any time
    for (std::size_t server = 0; server < Fleet::kServers; ++server) {
        fleet.replace(server);
        ASSERT_TRUE(all_are_served(fleet, true)) << server;
    }
    const TrafficReport others = newcomers.stop();
    ASSERT_TRUE(all_are_served(fleet));
    const WatchReport report = watch.end();
    fleet.finish();

    EXPECT_EQ(report.verdict(), "clean") << report.out << report.err;
    EXPECT_EQ(report.status, 0);
    for (const char* lost : {"reset", "silent", "corrupted", "duplicated", "misdelivered", "reordered", "foreign"}) {
        EXPECT_EQ(report.bytes(lost), 0U) << lost;
    }
    EXPECT_EQ(report.json["unrepaired"], 0);
    EXPECT_GE(report.json["sent_again"], report.bytes("unacknowledged"));
    // Everybody was on one of the three when it left.
    EXPECT_GE(report.json["connections"]["fins"], kConnections);
    EXPECT_EQ(report.json["connections"]["finished"], kConnections);
    // One that goes from one server to the next without an echo between has one outage.
    EXPECT_GE(report.json["outages"]["count"], kConnections);
    EXPECT_LE(report.json["outages"]["count"], report.json["connections"]["fins"]);
    // The servers' own account, through a HAProxy that may keep nothing to itself.
    EXPECT_EQ(others.failed, 0U);
    EXPECT_EQ(report.bytes("echoed") + others.received_bytes, fleet.totals().bytes_out);
    EXPECT_EQ(report.bytes("sent") + others.sent_bytes, fleet.totals().bytes_in + fleet.totals().discarded);
    EXPECT_EQ(report.bytes("unacknowledged"), fleet.totals().discarded);
    EXPECT_LT(fleet.last_connection(), Fleet::grace()) << "connections came when the grace was over";
    EXPECT_GT(fleet.last_connection(), std::chrono::microseconds(0)) << "no connection came after not_ready";

    std::printf(
        "watched rollout: %zu connections; %s; %llu bytes unacknowledged, all sent again; the last new "
        "connection came %.0f ms after not_ready\n",
        kConnections, histogram_of(report.json["outages"]).c_str(),
        static_cast<unsigned long long>(report.bytes("unacknowledged")),
        static_cast<double>(fleet.last_connection().count()) / 1000);
}

/// A server that crashes resets the connections with bytes that it had not read. HAProxy makes a FIN of that for its
/// client, so that this looks like a drain from there: what was under way is unacknowledged, and is sent again. Nobody
/// has lost a byte, though nobody can tell either which of them the server had.
TEST(WatchedRollout, ACrashLooksLikeAFinThroughHaproxyAndIsRepaired) {
    Fleet fleet;
    WatchRun watch(fleet.endpoint().text(), flags());
    ASSERT_TRUE(all_are_served(fleet));
    const std::uint16_t port = fleet.server(0).endpoint().port();
    fleet.server(0).process().send_signal(SIGSTOP);
    std::vector<std::uint64_t> unread;
    ASSERT_TRUE(eventually([&] {
        unread = unread_bytes(port);
        return !unread.empty() && std::ranges::all_of(unread, [](auto bytes) { return bytes > 0; });
    }));
    fleet.crash(0);
    ASSERT_TRUE(all_are_served(fleet));
    const WatchReport report = watch.end();
    fleet.finish();

    EXPECT_EQ(report.verdict(), "clean") << report.out << report.err;
    const json& connections = report.json["connections"];
    // Of the first ones: one that is made in the middle of the crash may end like that as well.
    const auto fins = std::ranges::count_if(connections["list"], [](const json& one) {
        return one["connection"].get<std::size_t>() <= kConnections && one["ending"] == "fin";
    });
    EXPECT_EQ(fins, std::ssize(unread));
    EXPECT_EQ(connections["finished"], kConnections);
    EXPECT_EQ(report.bytes("unacknowledged"), report.bytes("sent") - report.bytes("echoed"));
    EXPECT_GE(report.bytes("unacknowledged"), std::accumulate(unread.begin(), unread.end(), std::uint64_t{0}))
        << "as much was in the kernel when the server was stopped";
    EXPECT_GE(report.json["sent_again"], report.bytes("unacknowledged"));
    EXPECT_EQ(report.json["unrepaired"], 0);
    // The account of the one that crashed went with it; those of the others are of all other connections.
    std::uint64_t sent = 0;
    for (const json& connection : connections["list"]) {
        sent += connection["ending"] == "finished" ? connection["bytes"]["sent"].get<std::uint64_t>() : 0;
    }
    EXPECT_EQ(sent, fleet.totals().bytes_in);
    EXPECT_EQ(sent, fleet.totals().bytes_out);
    EXPECT_EQ(fleet.totals().discarded, 0U);
    std::printf("watched crash: %zu of %zu connections; %s\n", unread.size(), kConnections,
                histogram_of(report.json["outages"]).c_str());
}

}  // namespace
}  // namespace mynah::integration
