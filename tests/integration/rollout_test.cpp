// A rollout: three mynahd behind HAProxy are replaced one after the other, while clients come, go and stay.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/fleet.hpp"
#include "tests/integration/foreign.hpp"
#include "tests/integration/haproxy.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/steady_traffic.hpp"

namespace mynah::integration {
namespace {

using std::chrono::microseconds;

TEST(Rollout, LosesNoConnectionAndAccountsForEveryByte) {
    constexpr std::size_t kKept = 12;
    Fleet fleet;
    SteadyTraffic traffic(fleet.endpoint(), kKept);
    ASSERT_TRUE(eventually([&] { return traffic.short_done() >= 20; }));
    for (std::size_t server = 0; server < Fleet::kServers; ++server) {
        const std::size_t before = traffic.short_done();
        fleet.replace(server);
        EXPECT_TRUE(eventually([&] { return traffic.short_done() >= before + 20; }));
    }
    const TrafficReport report = traffic.stop();
    fleet.finish();

    // No server refused a connection that HAProxy gave it: that is what the grace is for.
    for (const char* column : {"econ", "wretr", "wredis"}) {
        EXPECT_EQ(fleet.haproxy().figure("BACKEND", column), "0") << column;
    }
    EXPECT_LT(fleet.last_connection(), Fleet::grace()) << "connections came when the grace was over";
    EXPECT_GT(fleet.last_connection(), microseconds(0)) << "no connection came after not_ready: nothing was tried";
    // Nobody was refused, reset, or sent away without what was his.
    EXPECT_EQ(report.failed, 0U);
    EXPECT_EQ(report.mismatched, 0U);
    EXPECT_GE(report.short_done, 80U);
    // Those that were kept ended with a FIN: at least those of the first server, and all of them at the end.
    EXPECT_GT(fleet.totals().drained, 0U);
    EXPECT_GT(report.kept_ended, kKept);
    // Each byte was echoed, or came after our FIN and was counted.
    EXPECT_EQ(report.received_bytes, fleet.totals().bytes_out);
    EXPECT_EQ(fleet.totals().bytes_in, fleet.totals().bytes_out);
    EXPECT_EQ(report.sent_bytes, fleet.totals().bytes_in + fleet.totals().discarded);

    const auto milliseconds_of = [](microseconds time) { return static_cast<double>(time.count()) / 1000; };
    std::printf(
        "rollout: %zu short connections and %zu kept ones, %zu of these with bytes on their way at the FIN (%llu "
        "bytes); "
        "the last new connection came %.0f ms after not_ready (a check every %.0f ms, fall %d): the grace must be "
        "longer than %.0f ms and the time that a check takes\n",
        report.short_done, report.kept_ended, report.kept_ended_owed,
        static_cast<unsigned long long>(fleet.totals().discarded), milliseconds_of(fleet.last_connection()),
        milliseconds_of(Fleet::kInterval), Haproxy::kFall, milliseconds_of(Haproxy::kFall * Fleet::kInterval));
    RecordProperty("last_new_connection_us", std::to_string(fleet.last_connection().count()));
}

TEST(HaproxyConfiguration, IsSound) {
    Process haproxy(program(MYNAH_HAPROXY_PROGRAM, {"-c", "-f", MYNAH_SOURCE_FOLDER "/config/haproxy.cfg"}));
    const auto ending = haproxy.wait();
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->code, 0) << haproxy.text(Output::error);
    EXPECT_EQ(haproxy.text(Output::error).find("WARNING"), std::string::npos) << haproxy.text(Output::error);
}

}  // namespace
}  // namespace mynah::integration
