// A rollout: three mynahd behind HAProxy are replaced one after the other, while clients come, go and stay.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/foreign.hpp"
#include "tests/integration/haproxy.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/steady_traffic.hpp"

namespace mynah::integration {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kInterval{200};  // at which HAProxy asks
constexpr std::size_t kServers = 3;
constexpr std::size_t kKept = 12;

// The rule of config/haproxy.cfg, and enough for a machine that has other work to do.
milliseconds grace() {
    return Haproxy::kFall * kInterval + patience(milliseconds(2'000));
}

// A field of the summary that a daemon logs at its end.
std::uint64_t summary_field(const std::string& log, const std::string& name) {
    const std::size_t summary = log.rfind("drain phase=stopped");
    const std::size_t at = summary == std::string::npos ? summary : log.find(" " + name + "=", summary);
    if (at == std::string::npos) {
        ADD_FAILURE() << "no " << name << " in the summary of\n" << log;
        return 0;
    }
    return std::strtoull(log.c_str() + at + name.size() + 2, nullptr, 10);
}

// When a line of a log was written, since midnight: it begins "2026-01-31T12:34:56.123456Z ".
microseconds time_of(const std::string& line) {
    constexpr std::size_t kTimeAt = 11;
    const auto number = [&line](std::size_t at, std::size_t digits) {
        return std::strtoll(line.substr(kTimeAt + at, digits).c_str(), nullptr, 10);
    };
    return std::chrono::hours(number(0, 2)) + std::chrono::minutes(number(3, 2)) + std::chrono::seconds(number(6, 2)) +
           microseconds(number(9, 6));
}

// From the moment when a daemon was not ready any more to the last connection that it got: zero where none came.
microseconds last_connection_after_not_ready(const std::string& log) {
    std::optional<microseconds> not_ready;
    microseconds last{0};
    for (const std::string& line : lines_of(log)) {
        if (line.find("drain phase=not_ready") != std::string::npos) {
            not_ready = time_of(line);
        } else if (not_ready && line.find("session begins") != std::string::npos) {
            last = time_of(line) - *not_ready;
        }
    }
    return last < microseconds(0) ? last + std::chrono::hours(24) : last;
}

class Rollout : public testing::Test {
  protected:
    struct Totals {
        std::uint64_t bytes_in = 0;
        std::uint64_t bytes_out = 0;
        std::uint64_t discarded = 0;
        std::uint64_t drained = 0;
    };

    Rollout() {
        for (std::size_t i = 0; i < kServers; ++i) {
            start(i, "tcp://127.0.0.1:0", "http://127.0.0.1:0");
        }
        std::vector<Haproxy::Server> servers;
        for (const auto& daemon : daemons_) {
            const std::string& admin = daemon->admin();
            servers.push_back({.port = daemon->endpoint().port(),
                               .admin_port = static_cast<std::uint16_t>(
                                   std::strtoul(admin.c_str() + admin.rfind(':') + 1, nullptr, 10))});
        }
        haproxy_ = std::make_unique<Haproxy>(servers, kInterval);
    }

    static std::string name(std::size_t server) { return "echo-" + std::to_string(server + 1); }

    void start(std::size_t server, const std::string& listen, const std::string& admin) {
        daemons_.at(server) = std::make_unique<Daemon>(
            Daemon::Options{.arguments = {"--admin", admin, "--log-level", "debug", "--drain-grace",
                                          std::to_string(grace().count()) + "ms", "--drain-timeout", "1h"},
                            .listen = {listen}});
    }

    bool becomes(std::size_t server, std::string_view status) {
        return eventually([&] { return haproxy_->status(name(server)) == status; });
    }

    // Waits for a daemon's end, and adds up what it has to say.
    void note_end(std::size_t server) {
        Daemon& daemon = *daemons_.at(server);
        EXPECT_EQ(daemon.wait_for_exit(), 0);
        const std::string log = daemon.log();
        EXPECT_EQ(summary_field(log, "cut"), 0U);
        EXPECT_EQ(summary_field(log, "reset"), 0U);
        totals_.bytes_in += summary_field(log, "bytes_in");
        totals_.bytes_out += summary_field(log, "bytes_out");
        totals_.discarded += summary_field(log, "discarded_after_fin");
        totals_.drained += summary_field(log, "drained");
    }

    // One server leaves, and comes back.
    void replace(std::size_t server) {
        const std::string listen = daemons_.at(server)->endpoint().text();
        const std::string admin = daemons_.at(server)->admin();
        daemons_.at(server)->terminate();
        EXPECT_TRUE(becomes(server, "DOWN")) << haproxy_->status(name(server));
        note_end(server);
        latest_ = std::max(latest_, last_connection_after_not_ready(daemons_.at(server)->log()));
        daemons_.at(server).reset();  // its ports are the next one's
        start(server, listen, admin);
        EXPECT_TRUE(becomes(server, "UP")) << haproxy_->status(name(server));
    }

    std::array<std::unique_ptr<Daemon>, kServers> daemons_;
    std::unique_ptr<Haproxy> haproxy_;
    Totals totals_;
    microseconds latest_{0};
};

TEST_F(Rollout, LosesNoConnectionAndAccountsForEveryByte) {
    for (std::size_t server = 0; server < kServers; ++server) {
        ASSERT_TRUE(becomes(server, "UP")) << haproxy_->status(name(server));
    }
    SteadyTraffic traffic(haproxy_->endpoint(), kKept);
    ASSERT_TRUE(eventually([&] { return traffic.short_done() >= 20; }));
    for (std::size_t server = 0; server < kServers; ++server) {
        const std::size_t before = traffic.short_done();
        replace(server);
        EXPECT_TRUE(eventually([&] { return traffic.short_done() >= before + 20; }));
    }
    const TrafficReport report = traffic.stop();
    for (std::size_t server = 0; server < kServers; ++server) {
        daemons_.at(server)->terminate();
        EXPECT_TRUE(daemons_.at(server)->wait_for_phase("not_ready"));
        daemons_.at(server)->terminate();  // nobody is there for whom to wait for the grace
        note_end(server);
    }

    // No server refused a connection that HAProxy gave it: that is what the grace is for.
    for (const char* column : {"econ", "wretr", "wredis"}) {
        EXPECT_EQ(haproxy_->figure("BACKEND", column), "0") << column;
    }
    EXPECT_LT(latest_, grace()) << "connections came when the grace was over";
    EXPECT_GT(latest_, microseconds(0)) << "no connection came after not_ready: nothing was tried";
    // Nobody was refused, reset, or sent away without what was his.
    EXPECT_EQ(report.failed, 0U);
    EXPECT_EQ(report.mismatched, 0U);
    EXPECT_GE(report.short_done, 80U);
    // Those that were kept ended with a FIN: at least those of the first server, and all of them at the end.
    EXPECT_GT(totals_.drained, 0U);
    EXPECT_GT(report.kept_ended, kKept);
    // Each byte was echoed, or came after our FIN and was counted.
    EXPECT_EQ(report.received_bytes, totals_.bytes_out);
    EXPECT_EQ(totals_.bytes_in, totals_.bytes_out);
    EXPECT_EQ(report.sent_bytes, totals_.bytes_in + totals_.discarded);

    const auto milliseconds_of = [](microseconds time) { return static_cast<double>(time.count()) / 1000; };
    std::printf(
        "rollout: %zu short connections and %zu kept ones, %zu of these with bytes on their way at the FIN (%llu "
        "bytes); "
        "the last new connection came %.0f ms after not_ready (a check every %.0f ms, fall %d): the grace must be "
        "longer than %.0f ms and the time that a check takes\n",
        report.short_done, report.kept_ended, report.kept_ended_owed,
        static_cast<unsigned long long>(totals_.discarded), milliseconds_of(latest_), milliseconds_of(kInterval),
        Haproxy::kFall, milliseconds_of(Haproxy::kFall * kInterval));
    RecordProperty("last_new_connection_us", std::to_string(latest_.count()));
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
