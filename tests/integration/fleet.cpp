#include "tests/integration/fleet.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/haproxy.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::string name_of(std::size_t server) {
    return "echo-" + std::to_string(server + 1);
}

std::uint16_t port_of(const std::string& admin) {
    return static_cast<std::uint16_t>(std::strtoul(admin.c_str() + admin.rfind(':') + 1, nullptr, 10));
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

}  // namespace

Fleet::Fleet() {
    std::vector<Haproxy::Server> servers;
    for (std::size_t i = 0; i < kServers; ++i) {
        start(i, "tcp://127.0.0.1:0", "http://127.0.0.1:0");
        servers.push_back({.port = server(i).endpoint().port(), .admin_port = port_of(server(i).admin())});
    }
    haproxy_ = std::make_unique<Haproxy>(servers, kInterval);
    for (std::size_t i = 0; i < kServers; ++i) {
        EXPECT_TRUE(becomes(i, "UP")) << haproxy_->status(name_of(i));
    }
}

milliseconds Fleet::grace() {
    return Haproxy::kFall * kInterval + patience(milliseconds(5'000));
}

void Fleet::start(std::size_t server, const std::string& listen, const std::string& admin) {
    daemons_.at(server) = std::make_unique<Daemon>(
        Daemon::Options{.arguments = {"--admin", admin, "--log-level", "debug", "--drain-grace",
                                      std::to_string(grace().count()) + "ms", "--drain-timeout", "1h"},
                        .listen = {listen}});
}

void Fleet::restart(std::size_t server) {
    const std::string listen = daemons_.at(server)->endpoint().text();
    const std::string admin = daemons_.at(server)->admin();
    daemons_.at(server).reset();  // its ports are the next one's
    start(server, listen, admin);
    EXPECT_TRUE(becomes(server, "UP")) << haproxy_->status(name_of(server));
}

void Fleet::replace(std::size_t server) {
    Daemon& leaving = *daemons_.at(server);
    leaving.terminate();
    EXPECT_TRUE(becomes(server, "DOWN")) << haproxy_->status(name_of(server));
    leaving.terminate();
    note_end(server);
    latest_ = std::max(latest_, last_connection_after_not_ready(leaving.log()));
    restart(server);
}

void Fleet::crash(std::size_t server) {
    daemons_.at(server)->process().send_signal(SIGKILL);
    const auto ending = daemons_.at(server)->process().wait();
    EXPECT_TRUE(ending && ending->signal == SIGKILL);
    EXPECT_TRUE(becomes(server, "DOWN")) << haproxy_->status(name_of(server));
    restart(server);
}

void Fleet::finish() {
    for (std::size_t server = 0; server < kServers; ++server) {
        daemons_.at(server)->terminate();
        EXPECT_TRUE(daemons_.at(server)->wait_for_phase("not_ready"));
        daemons_.at(server)->terminate();  // nobody is there for whom to wait for the grace
        note_end(server);
    }
}

bool Fleet::becomes(std::size_t server, std::string_view status) const {
    return eventually([&] { return haproxy_->status(name_of(server)) == status; });
}

// Waits for a daemon's end, and adds up what it has to say.
void Fleet::note_end(std::size_t server) {
    Daemon& daemon = *daemons_.at(server);
    EXPECT_EQ(daemon.wait_for_exit(), 0);
    const std::string log = daemon.log();
    const auto total = [&log](const char* name) { return logged_number(log, " drain phase=stopped", name); };
    EXPECT_EQ(total("cut"), 0U);
    EXPECT_EQ(total("reset"), 0U);
    totals_.bytes_in += total("bytes_in");
    totals_.bytes_out += total("bytes_out");
    totals_.discarded += total("discarded_after_fin");
    totals_.drained += total("drained");
}

}  // namespace mynah::integration
