#include "server/configuration.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "server/configuration_file.hpp"
#include "server/configuration_keys.hpp"
#include "server/fault/fault_rule.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* kDefaultFile = MYNAH_SOURCE_FOLDER "/config/mynahd.toml";

TEST(Configuration, DefaultsAreThePublishedOnes) {
    const Configuration defaults;
    EXPECT_EQ(describe(defaults),
              "listen=tcp://127.0.0.1:7007 driver=auto workers=0 instance= listener.backlog=4096 "
              "listener.dual_stack=false listener.reuse_port=false listener.unix_mode=umask tcp.no_delay=true "
              "tcp.keepalive=0s tcp.user_timeout=0s udp.largest_datagram=65535B udp.rate=0 udp.burst=100 "
              "udp.sources=65536 limits.connections=10000 "
              "limits.per_address=0 limits.idle_timeout=1m limits.write_timeout=30s limits.receive_buffer=64KiB "
              "drain.grace=0s drain.spread=0s drain.linger=5s drain.timeout=30s ledger.url=off "
              "admin.listen=off admin.public=false admin.hosts= fault=off log.level=info log.format=text");
    EXPECT_TRUE(check_consistency(defaults, {}));
}

TEST(Configuration, TheCommentedFileHasEveryKeyAtItsDefault) {
    const auto settings = read_configuration_file(kDefaultFile);
    ASSERT_TRUE(settings) << settings.error();
    std::set<std::string_view> names;
    for (const Setting& setting : *settings) {
        names.insert(setting.key->name);
    }
    for (const Key& key : configuration_keys()) {
        EXPECT_TRUE(names.contains(key.name)) << key.name << " is missing from config/mynahd.toml";
    }
    // Away from its default first, so that a file value that is not applied shows.
    Configuration configuration;
    configuration.listen = {"tcp://192.0.2.1:1"};
    configuration.driver = DriverChoice::poll;
    configuration.workers = 7;
    configuration.instance = "other";
    configuration.listener = {.backlog = 1, .dual_stack = true, .reuse_port = true, .unix_mode = 0600};
    configuration.tcp = {.no_delay = false, .keepalive = 4s, .user_timeout = 1ms};
    configuration.udp = {.largest_datagram_bytes = 1, .rate = 1, .burst = 1, .sources = 1};
    configuration.limits = {
        .connections = 1, .per_address = 1, .idle_timeout = 1ms, .write_timeout = 1ms, .receive_buffer_bytes = 64};
    configuration.drain = {.grace = 1ms, .spread = 1ms, .linger = 1ms, .timeout = 1ms};
    configuration.ledger.sqlite_path = "other";
    configuration.admin = {.listen = "http://[::1]:1", .is_public = true, .hosts = {"other"}};
    configuration.faults = {FaultRule{}};
    configuration.log = {.level = LogLevel::off, .format = LogFormat::json};
    Places places;
    const auto applied = apply_layer(configuration, places, *settings, {});
    ASSERT_TRUE(applied) << applied.error();
    EXPECT_EQ(configuration, Configuration{}) << describe(configuration);
}

TEST(Configuration, EachKeysShownValueIsReadBackAsItWas) {
    Configuration configured;
    configured.listen = {"tcp://[::1]:0", "tcp://127.0.0.1:0"};
    configured.driver = DriverChoice::poll;
    configured.workers = 3;
    configured.instance = "echo-1";
    configured.listener = {.backlog = 5, .dual_stack = true, .reuse_port = true, .unix_mode = 0640};
    configured.tcp = {.no_delay = false, .keepalive = 75s, .user_timeout = 1500ms};
    configured.udp = {.largest_datagram_bytes = 1'500, .rate = 2, .burst = 3, .sources = 4};
    configured.limits = {.connections = 2,
                         .per_address = 1,
                         .idle_timeout = 1500ms,
                         .write_timeout = 2min,
                         .receive_buffer_bytes = 1000};
    configured.drain = {.grace = 1s, .spread = 2s, .linger = 3s, .timeout = 4s};
    configured.ledger.sqlite_path = "/tmp/ledger.sqlite";
    configured.admin = {.listen = "http://[::1]:0", .is_public = true, .hosts = {"echo-1.example.org"}};
    configured.faults = {{.kind = FaultKind::drop, .distance = 5, .seed = 2}};
    configured.log = {.level = LogLevel::debug, .format = LogFormat::json};
    Configuration read;
    for (const Key& key : configuration_keys()) {
        if (key.kind == ValueKind::addresses) {
            read.listen = configured.listen;
            continue;
        }
        const std::vector<std::string> values{key.show(configured)};
        const auto applied = key.apply(read, values);
        EXPECT_TRUE(applied) << key.name << ": " << applied.error();
    }
    EXPECT_EQ(read, configured) << describe(read);
}

TEST(Configuration, EveryWordOfAKeySelectsWhatIsCalledSo) {
    const auto words_of = [](std::string_view name, const std::vector<std::string>& words) {
        for (const Key& key : configuration_keys()) {
            if (key.name != name) {
                continue;
            }
            for (const std::string& word : words) {
                Configuration configuration;
                const std::vector<std::string> values{word};
                EXPECT_TRUE(key.apply(configuration, values)) << word;
                EXPECT_EQ(key.show(configuration), word);
            }
        }
    };
    words_of("driver", {"auto", "select", "poll", "epoll", "io_uring"});
    words_of("log.level", {"debug", "info", "warn", "error", "off"});
    words_of("log.format", {"text", "json"});
    words_of("ledger.url", {"off", "sqlite:/tmp/x.sqlite"});
    words_of("listener.dual_stack", {"true", "false"});
    words_of("listener.reuse_port", {"true", "false"});
    words_of("listener.unix_mode", {"umask", "0660", "0007", "0000"});
    words_of("admin.listen", {"off", "http://127.0.0.1:7008"});
    words_of("admin.public", {"true", "false"});
    words_of("tcp.no_delay", {"true", "false"});
    words_of("tcp.keepalive", {"0s", "4s", "8h"});
}

TEST(Configuration, NamesFlagsAndVariablesAreUnique) {
    std::set<std::string> all;
    for (const Key& key : configuration_keys()) {
        EXPECT_TRUE(all.insert(std::string(key.name)).second) << key.name;
        EXPECT_TRUE(all.insert(std::string(key.flag)).second) << key.flag;
        EXPECT_TRUE(all.insert(variable_of(key)).second) << variable_of(key);
    }
}

TEST(Configuration, ASpreadBeyondTheTimeoutIsRefusedWithBothPlaces) {
    Configuration configuration;
    configuration.drain.spread = 60s;
    Places places;
    for (const Key& key : configuration_keys()) {
        if (key.name == "drain.spread") {
            places[&key] = "x.toml:3:10";
        }
    }
    const auto checked = check_consistency(configuration, places);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error(), HasSubstr("drain.spread (1m, from x.toml:3:10) is longer than drain.timeout (30s, the "
                                           "default)"));
}

TEST(Configuration, AnAdminAddressThatOthersReachIsRefusedUnlessItIsMeant) {
    Configuration configuration;
    for (const char* loopback : {"http://127.0.0.1:0", "http://127.9.9.9:1", "http://[::1]:0", "http://localhost:0"}) {
        configuration.admin.listen = loopback;
        EXPECT_TRUE(check_consistency(configuration, {})) << loopback;
    }
    for (const char* open : {"http://0.0.0.0:7008", "http://[::]:0", "http://192.0.2.1:1", "http://example.org:80"}) {
        configuration.admin = {.listen = open, .is_public = false, .hosts = {}};
        const auto checked = check_consistency(configuration, {});
        ASSERT_FALSE(checked) << open;
        EXPECT_THAT(checked.error(), HasSubstr("admin.listen (" + std::string(open) + ", the default)"));
        EXPECT_THAT(checked.error(), HasSubstr("admin.public"));
        configuration.admin.is_public = true;
        EXPECT_TRUE(check_consistency(configuration, {})) << open;
    }
}

TEST(Configuration, InstanceNameIsTheConfiguredOneOrHostAndProcess) {
    Configuration configuration;
    EXPECT_TRUE(instance_name(configuration).ends_with("-" + std::to_string(::getpid())));
    configuration.instance = "echo-1";
    EXPECT_EQ(instance_name(configuration), "echo-1");
}

TEST(Configuration, WorkerCountIsTheConfiguredOneOrTheCores) {
    Configuration configuration;
    EXPECT_GE(worker_count(configuration), 1U);
    configuration.workers = 5;
    EXPECT_EQ(worker_count(configuration), 5U);
}

}  // namespace
}  // namespace mynah::server
