#include "server/listening.hpp"

#include <cstddef>
#include <expected>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "conc/conc.hpp"
#include "net/address.hpp"
#include "net/driver.hpp"
#include "server/configuration.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Outcome = std::expected<Listening, std::string>;

conc::Task<Outcome> listen_with(Configuration configuration, std::size_t workers) {
    auto listening = co_await listen_on_all(&configuration, workers);
    co_return std::move(listening);
}

Outcome listen_on(std::vector<std::string> addresses, std::size_t workers = 2, bool reuse_port = false) {
    Configuration configuration;
    configuration.listen = std::move(addresses);
    configuration.listener.reuse_port = reuse_port;
    return test::run_task({.workers = 1, .event_source = net::driver_factory(net::DriverKind::select)},
                          listen_with(std::move(configuration), workers));
}

std::string name_of(const char* name) {
    return "unix://@mynah-listening-test-" + std::to_string(::getpid()) + name;
}

TEST(Listening, BindsEveryTransportInOrder) {
    const Outcome listening = listen_on({"udp://127.0.0.1:0", name_of("a"), "tcp://[::1]:0", "udp://[::1]:0"});
    ASSERT_TRUE(listening) << listening.error();
    ASSERT_EQ(listening->addresses.size(), 4U);
    EXPECT_THAT(listening->addresses[0], StartsWith("udp://127.0.0.1:"));
    EXPECT_EQ(listening->addresses[1], name_of("a"));
    EXPECT_THAT(listening->addresses[2], StartsWith("tcp://[::1]:"));
    EXPECT_THAT(listening->addresses[3], StartsWith("udp://[::1]:"));
    EXPECT_EQ(listening->streams.size(), 2U);
    for (const StreamDoor& door : listening->streams) {
        EXPECT_FALSE(door.worker);
    }
    ASSERT_EQ(listening->datagrams.size(), 2U);
    EXPECT_EQ(listening->datagrams[0].worker, 0U);
    EXPECT_EQ(listening->datagrams[1].worker, 1U);
}

TEST(Listening, WithReusePortEachWorkerHasASocketAtTheSamePort) {
    const Outcome listening = listen_on({"tcp://127.0.0.1:0", "udp://127.0.0.1:0", name_of("b")}, 3, true);
    ASSERT_TRUE(listening) << listening.error();
    EXPECT_EQ(listening->addresses.size(), 3U);
    ASSERT_EQ(listening->streams.size(), 4U);
    ASSERT_EQ(listening->datagrams.size(), 3U);
    std::set<std::string> addresses;
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(listening->streams[i].worker, i);
        EXPECT_EQ(listening->datagrams[i].worker, i);
        addresses.insert(listening->streams[i].listener.local().to_string());
        addresses.insert(listening->datagrams[i].socket.local().to_string());
    }
    EXPECT_EQ(addresses.size(), 2U);
    EXPECT_FALSE(listening->streams[3].worker) << "a unix socket has no port to share";
}

TEST(Listening, AnAddressInUseIsOneLineThatNamesIt) {
    const Outcome first = listen_on({"udp://127.0.0.1:0", name_of("c")});
    ASSERT_TRUE(first) << first.error();
    for (const std::string& address : first->addresses) {
        const Outcome second = listen_on({"tcp://127.0.0.1:0", address});
        ASSERT_FALSE(second);
        EXPECT_THAT(second.error(), StartsWith("cannot listen on " + address + ": "));
        EXPECT_THAT(second.error(), HasSubstr("in use"));
    }
}

}  // namespace
}  // namespace mynah::server
