#include "server/configuration_file.hpp"

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/configuration.hpp"
#include "server/configuration_keys.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// The mistake that reading and applying the text ends with, or nothing.
std::string mistake_of(std::string_view text) {
    const auto settings = parse_configuration(text, "x.toml");
    if (!settings) {
        return settings.error();
    }
    Configuration configuration;
    Places places;
    const auto applied = apply_layer(configuration, places, *settings, {});
    return applied ? "" : applied.error();
}

TEST(ConfigurationFile, ReadsEveryKindOfValue) {
    const auto settings = parse_configuration(R"(
listen = ["tcp://127.0.0.1:0", "tcp://[::1]:0"]
workers = 2
[limits]
idle_timeout = "5s"
receive_buffer = 4096
[log]
level = "debug"
)",
                                              "x.toml");
    ASSERT_TRUE(settings) << settings.error();
    Configuration configuration;
    Places places;
    ASSERT_TRUE(apply_layer(configuration, places, *settings, {}));
    EXPECT_THAT(configuration.listen, ElementsAre("tcp://127.0.0.1:0", "tcp://[::1]:0"));
    EXPECT_EQ(configuration.workers, 2U);
    EXPECT_EQ(configuration.limits.idle_timeout, std::chrono::seconds(5));
    EXPECT_EQ(configuration.limits.receive_buffer_bytes, 4096U);
    EXPECT_EQ(configuration.log.level, LogLevel::debug);
}

TEST(ConfigurationFile, SettingsComeInTheOrderOfTheirLines) {
    const auto settings = parse_configuration("workers = 1\ninstance = \"i\"\n[drain]\ntimeout = \"1s\"\n", "x.toml");
    ASSERT_TRUE(settings) << settings.error();
    ASSERT_EQ(settings->size(), 3U);
    EXPECT_THAT((*settings)[0].places, ElementsAre("x.toml:1:11"));
    EXPECT_EQ((*settings)[1].key->name, "instance");
    EXPECT_EQ((*settings)[2].key->name, "drain.timeout");
}

TEST(ConfigurationFile, AnEmptyFileAndOneAddressAsAStringAreFine) {
    EXPECT_EQ(mistake_of(""), "");
    EXPECT_EQ(mistake_of("# nothing\n"), "");
    EXPECT_EQ(mistake_of("listen = \"tcp://127.0.0.1:0\""), "");
}

struct Mistake {
    const char* name;
    const char* text;
    const char* message;
};

class ConfigurationFileMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigurationFileMistake, IsOneLineThatNamesPlaceKeyAndWhatIsAccepted) {
    const std::string mistake = mistake_of(GetParam().text);
    EXPECT_THAT(mistake, StartsWith(GetParam().message));
    EXPECT_THAT(mistake, Not(HasSubstr("\n")));
}

INSTANTIATE_TEST_SUITE_P(
    Each, ConfigurationFileMistake,
    testing::Values(
        Mistake{"NotToml", "workers = \n", "x.toml:1:"},
        Mistake{"NotTomlAtItsEnd", "x = \n",
                "x.toml:1:5: not valid TOML: Error while parsing key-value pair: expected value, saw '\\n'"},
        Mistake{"NotTomlAtAll", "<html>\n", "x.toml:1:1: not valid TOML: "},
        Mistake{"NotUtf8", "instance = \"\xff\"\n", "x.toml:1:"},
        Mistake{"Unclosed", "[limits\nconnections = 1\n", "x.toml:1:"},
        Mistake{"Twice", "workers = 1\nworkers = 2\n", "x.toml:2:"},
        Mistake{"UnknownKey", "\n\nworker = 1\n", "x.toml:3:1: worker: unknown key; did you mean workers?"},
        Mistake{"UnknownKeyInTable", "[limits]\nidle_timout = \"1s\"\n",
                "x.toml:2:1: limits.idle_timout: unknown key; did you mean limits.idle_timeout?"},
        Mistake{"KeyInTheWrongTable", "idle_timeout = \"1s\"\n",
                "x.toml:1:1: idle_timeout: unknown key; did you mean limits.idle_timeout?"},
        Mistake{"UnknownTable", "[limit]\nconnections = 1\n", "x.toml:1:2: limit: unknown key; did you mean limits?"},
        Mistake{"NothingNear", "[drain]\ncolour = 1\n",
                "x.toml:2:1: drain.colour: unknown key; accepted here: grace, spread, linger or timeout"},
        Mistake{
            "NothingNearAtTheTop", "colour = 1\n",
            "x.toml:1:1: colour: unknown key; accepted here: listen, driver, workers, instance, listener, tcp, udp, "
            "limits, drain, ledger, admin, fault or log"},
        Mistake{"UnknownKeyOfStrangeBytes", "\"a\\n\\u001b\" = 1\n", "x.toml:1:1: a\\n\\x1b: unknown key; accepted "},
        Mistake{"FirstOfSeveral", "zebra = 1\nant = 2\n", "x.toml:1:1: zebra: unknown key"},
        Mistake{"StringForInteger", "workers = \"2\"\n",
                "x.toml:1:11: workers: wrong type: found a string; accepted: an integer"},
        Mistake{"FloatForInteger", "workers = 1.5\n",
                "x.toml:1:11: workers: wrong type: found a floating-point number; accepted: an integer"},
        Mistake{"StringForTruth", "[tcp]\nno_delay = \"true\"\n",
                "x.toml:2:12: tcp.no_delay: wrong type: found a string; accepted: true or false"},
        Mistake{"IntegerForTruth", "[listener]\ndual_stack = 1\n",
                "x.toml:2:14: listener.dual_stack: wrong type: found an integer; accepted: true or false"},
        Mistake{"ModeOutOfRange", "[listener]\nunix_mode = \"01777\"\n",
                "x.toml:2:13: listener.unix_mode: \"01777\" is no mode; accepted: umask, or permissions in octal"},
        Mistake{"ModeNotOctal", "[listener]\nunix_mode = \"0689\"\n",
                "x.toml:2:13: listener.unix_mode: \"0689\" is no"},
        Mistake{"KeepaliveTooShort", "[tcp]\nkeepalive = \"3s\"\n",
                "x.toml:2:13: tcp.keepalive: \"3s\" is out of range; accepted: 4s to 8h"},
        Mistake{"KeepaliveNotWhole", "[tcp]\nkeepalive = \"4500ms\"\n",
                "x.toml:2:13: tcp.keepalive: \"4500ms\" is not a number of whole seconds"},
        Mistake{"DatagramTooLarge", "[udp]\nlargest_datagram = 65536\n",
                "x.toml:2:20: udp.largest_datagram: \"65536\" is out of range; accepted: 1B to 65535B"},
        Mistake{"BurstOfNothing", "[udp]\nburst = 0\n", "x.toml:2:9: udp.burst: \"0\" is out of range"},
        Mistake{"AdminOfAnotherScheme", "[admin]\nlisten = \"https://127.0.0.1:7008\"\n",
                "x.toml:2:10: admin.listen: \"https://127.0.0.1:7008\" is not an admin address; accepted: off, or "
                "http://HOST:PORT"},
        Mistake{"AdminWithoutPort", "[admin]\nlisten = \"http://127.0.0.1\"\n", "x.toml:2:10: admin.listen: "},
        Mistake{"AdminWithAPath", "[admin]\nlisten = \"http://127.0.0.1:7008/metrics\"\n",
                "x.toml:2:10: admin.listen: "},
        Mistake{"AdminHostWithAPort", "[admin]\nhosts = [\"a\", \"b:80\"]\n",
                "x.toml:2:10: admin.hosts: \"b:80\" is not a host; accepted: a name or an address, without a port"},
        Mistake{"AdminHostOfAnotherType", "[admin]\nhosts = 7\n",
                "x.toml:2:9: admin.hosts: wrong type: found an integer; accepted: a string or an array of strings"},
        Mistake{"IntegerForDuration", "[limits]\nidle_timeout = 60\n",
                "x.toml:2:16: limits.idle_timeout: wrong type: found an integer; accepted: a string such as \"250ms\""},
        Mistake{"BooleanForText", "driver = true\n",
                "x.toml:1:10: driver: wrong type: found a boolean; accepted: a string"},
        Mistake{"ArrayForText", "driver = [\"poll\"]\n",
                "x.toml:1:10: driver: wrong type: found an array; accepted: a string"},
        Mistake{"DateForText", "instance = 2026-01-31\n",
                "x.toml:1:12: instance: wrong type: found a date or time; accepted: a string"},
        Mistake{"BooleanForBytes", "[limits]\nreceive_buffer = false\n",
                "x.toml:2:18: limits.receive_buffer: wrong type: found a boolean; accepted: an integer, or a string"},
        Mistake{"IntegerInListen", "listen = [\"tcp://127.0.0.1:0\",\n  7007]\n",
                "x.toml:2:3: listen: wrong type: found an integer; accepted: a string or an array of strings"},
        Mistake{"ValueForTable", "limits = 3\n",
                "x.toml:1:10: limits: wrong type: found an integer; accepted: a table, written [limits]"},
        Mistake{"ArrayOfTables", "[[limits]]\nconnections = 1\n", "x.toml:1:"},
        Mistake{"TableForValue", "[workers]\n", "x.toml:1:1: workers: wrong type: found a table; accepted: an integer"},
        Mistake{"NoAddress", "listen = []\n", "x.toml:1:10: listen: no address given; accepted: at least one"},
        Mistake{"CountOutOfRange", "workers = 1025\n",
                "x.toml:1:11: workers: \"1025\" is out of range; accepted: 0 to 1024"},
        Mistake{"NegativeCount", "workers = -1\n",
                "x.toml:1:11: workers: \"-1\" is not a whole number; accepted: 0 to 1024"},
        Mistake{"NoConnections", "[limits]\nconnections = 0\n",
                "x.toml:2:15: limits.connections: \"0\" is out of range; accepted: 1 to 1000000"},
        Mistake{"NoWriteTimeout", "[limits]\nwrite_timeout = \"0s\"\n",
                "x.toml:2:17: limits.write_timeout: \"0s\" is out of range; accepted: 1ms to 24h"},
        Mistake{"DurationWithoutUnit", "[drain]\ngrace = \"5\"\n",
                "x.toml:2:9: drain.grace: \"5\" has no unit; accepted"},
        Mistake{"BufferTooLarge", "[limits]\nreceive_buffer = \"1GiB\"\n",
                "x.toml:2:18: limits.receive_buffer: \"1GiB\" is out of range; accepted: 64B to 1MiB"},
        Mistake{"UnknownDriver", "driver = \"kqueue\"\n",
                "x.toml:1:10: driver: \"kqueue\" is not known; choose auto, select, poll, epoll or io_uring"},
        Mistake{"UnknownLedger", "[ledger]\nurl = \"postgres://x\"\n",
                "x.toml:2:7: ledger.url: \"postgres://x\" is not a ledger; accepted: off, or sqlite:PATH"},
        Mistake{"LedgerWithoutPath", "[ledger]\nurl = \"sqlite:\"\n",
                "x.toml:2:7: ledger.url: \"sqlite:\" is not a ledger"},
        Mistake{"LedgerWithNul", "[ledger]\nurl = \"sqlite:a\\u0000b\"\n",
                "x.toml:2:7: ledger.url: \"sqlite:a\\x00b\" is not a ledger"},
        Mistake{"UnknownLevel", "[log]\nlevel = \"loud\"\n",
                "x.toml:2:9: log.level: \"loud\" is not known; choose debug, info, warn, error or off"},
        Mistake{"UnknownFormat", "[log]\nformat = \"xml\"\n",
                "x.toml:2:10: log.format: \"xml\" is not known; choose text or json"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(ConfigurationFile, TooManyListenersAndTooLongAnInstanceAreRefused) {
    std::string listen = "listen = [";
    for (int i = 0; i < 65; ++i) {
        listen += "\"tcp://127.0.0.1:0\",";
    }
    EXPECT_THAT(mistake_of(listen + "]"), HasSubstr("listen: too many addresses; accepted: at most 64"));
    EXPECT_THAT(mistake_of("instance = \"" + std::string(256, 'x') + "\""),
                HasSubstr("is too long; accepted: at most 255"));
    EXPECT_EQ(mistake_of("instance = \"" + std::string(255, 'x') + "\""), "");
}

TEST(ConfigurationFile, DeepNestingIsAMistakeNotACrash) {
    EXPECT_THAT(mistake_of("listen = " + std::string(100'000, '[')), StartsWith("x.toml:1:"));
}

TEST(ConfigurationFile, ABadAddressIsSaidWithItsOwnLine) {
    const auto settings = parse_configuration("listen = [\"good\",\n  \"bad\"]\n", "x.toml");
    ASSERT_TRUE(settings) << settings.error();
    Configuration configuration;
    Places places;
    const auto applied =
        apply_layer(configuration, places, *settings, [](std::string_view text) -> std::expected<void, std::string> {
            if (text == "good") {
                return {};
            }
            return std::unexpected("not an address");
        });
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error(), "x.toml:2:3: listen: not an address");
}

TEST(ConfigurationFile, UnreadableFilesAreNamedWithTheSystemsReason) {
    const auto missing = read_configuration_file("/nonexistent/x.toml");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), "/nonexistent/x.toml: cannot read the configuration: No such file or directory");
    const auto directory = read_configuration_file("/tmp");
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error(), "/tmp: cannot read the configuration: Is a directory");
}

TEST(ConfigurationFile, AnEndlessFileIsRefused) {
    const auto settings = read_configuration_file("/dev/zero");
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error(), "/dev/zero: too long for a configuration; accepted: at most 1MiB");
}

}  // namespace
}  // namespace mynah::server
