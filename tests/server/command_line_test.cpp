#include "server/command_line.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/configuration.hpp"
#include "server/configuration_keys.hpp"
#include "server/logging_options.hpp"

namespace mynah::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

using Variables = std::map<std::string, std::string, std::less<>>;

std::expected<void, std::string> check_address(std::string_view text) {
    if (text.starts_with("tcp://")) {
        return {};
    }
    return std::unexpected("\"" + std::string(text) + "\" is not an address");
}

std::expected<Outcome, Failure> parse(const std::vector<std::string>& arguments, const Variables& variables = {}) {
    return parse_command_line(arguments, {.environment = [&variables](const char* name) -> const char* {
                                              const auto found = variables.find(name);
                                              return found == variables.end() ? nullptr : found->second.c_str();
                                          },
                                          .check_address = check_address});
}

/// A file that is gone with the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        std::string name = (std::filesystem::temp_directory_path() / "mynahd-XXXXXX").string();
        const int descriptor = ::mkstemp(name.data());
        EXPECT_GE(descriptor, 0);
        ::close(descriptor);
        path_ = name;
        std::ofstream(path_) << text;
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST(CommandLine, NothingGivesTheDefaults) {
    const auto outcome = parse({});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->configuration, Configuration{});
    EXPECT_FALSE(outcome->output);
}

TEST(CommandLine, EveryFlagReachesItsPlace) {
    const auto outcome = parse({"--listen",
                                "tcp://a:1",
                                "--listen=tcp://b:2",
                                "--driver",
                                "poll",
                                "--workers",
                                "3",
                                "--instance",
                                "me",
                                "--max-connections",
                                "10",
                                "--max-per-address",
                                "2",
                                "--idle-timeout",
                                "1s",
                                "--write-timeout",
                                "2s",
                                "--receive-buffer",
                                "4KiB",
                                "--drain-grace",
                                "3s",
                                "--drain-spread",
                                "4s",
                                "--drain-linger",
                                "5s",
                                "--drain-timeout",
                                "6s",
                                "--ledger",
                                "sqlite:l.sqlite",
                                "--log-level",
                                "warn",
                                "--log-format",
                                "json"});
    ASSERT_TRUE(outcome) << outcome.error().message;
    Configuration expected;
    expected.listen = {"tcp://a:1", "tcp://b:2"};
    expected.driver = DriverChoice::poll;
    expected.workers = 3;
    expected.instance = "me";
    expected.limits = {
        .connections = 10, .per_address = 2, .idle_timeout = 1s, .write_timeout = 2s, .receive_buffer_bytes = 4096};
    expected.drain = {.grace = 3s, .spread = 4s, .linger = 5s, .timeout = 6s};
    expected.ledger.sqlite_path = "l.sqlite";
    expected.log = {.level = LogLevel::warn, .format = LogFormat::json};
    EXPECT_EQ(outcome->configuration, expected);
}

TEST(CommandLine, FlagsCountMoreThanEnvironmentThanFileThanDefaults) {
    const TemporaryFile file("workers = 1\ninstance = \"file\"\ndriver = \"poll\"\n");
    const Variables variables{{"MYNAHD_WORKERS", "2"}, {"MYNAHD_INSTANCE", "environment"}};
    const auto outcome = parse({"--config", file.path(), "--workers", "3"}, variables);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->configuration.workers, 3U);
    EXPECT_EQ(outcome->configuration.instance, "environment");
    EXPECT_EQ(outcome->configuration.driver, DriverChoice::poll);
    EXPECT_EQ(outcome->configuration.log.level, LogLevel::info);
}

TEST(CommandLine, AStrongerLayersAddressesReplaceTheOthers) {
    const TemporaryFile file("listen = [\"tcp://f:1\", \"tcp://f:2\"]\n");
    const Variables variables{{"MYNAHD_LISTEN", "tcp://e:1,tcp://e:2"}};
    const auto environment = parse({"--config", file.path()}, variables);
    ASSERT_TRUE(environment) << environment.error().message;
    EXPECT_THAT(environment->configuration.listen, ElementsAre("tcp://e:1", "tcp://e:2"));
    const auto flags = parse({"--config", file.path(), "--listen", "tcp://g:1"}, variables);
    ASSERT_TRUE(flags) << flags.error().message;
    EXPECT_THAT(flags->configuration.listen, ElementsAre("tcp://g:1"));
}

TEST(CommandLine, NamesMayBeSeveralAndNone) {
    const auto flags = parse({"--admin-host", "a.example", "--admin-host", "b.example"});
    ASSERT_TRUE(flags) << flags.error().message;
    EXPECT_THAT(flags->configuration.admin.hosts, ElementsAre("a.example", "b.example"));
    const auto environment = parse({}, {{"MYNAHD_ADMIN_HOST", "c.example,d.example"}});
    ASSERT_TRUE(environment) << environment.error().message;
    EXPECT_THAT(environment->configuration.admin.hosts, ElementsAre("c.example", "d.example"));
    const TemporaryFile file("fault = []\n[admin]\nhosts = []\n");
    const auto none = parse({"--config", file.path()});
    ASSERT_TRUE(none) << none.error().message;
    EXPECT_THAT(none->configuration.admin.hosts, ElementsAre());
    EXPECT_THAT(none->configuration.faults, testing::IsEmpty());
}

TEST(CommandLine, TheLastOfARepeatedFlagCounts) {
    const auto outcome = parse({"--workers", "1", "--workers", "2"});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->configuration.workers, 2U);
}

TEST(CommandLine, TheFileMayComeFromTheEnvironmentAndTheFlagCountsMore) {
    const TemporaryFile one("workers = 1\n");
    const TemporaryFile two("workers = 2\n");
    const Variables variables{{"MYNAHD_CONFIG", one.path()}};
    EXPECT_EQ(parse({}, variables)->configuration.workers, 1U);
    EXPECT_EQ(parse({"--config", two.path()}, variables)->configuration.workers, 2U);
}

TEST(CommandLine, AnEmptyVariableAndOnesThatAreNoKeysCountAsNotSet) {
    // Kubernetes sets the last two for a service called mynahd.
    const auto outcome =
        parse({}, {{"MYNAHD_DRIVER", ""}, {"MYNAHD_PORT", "tcp://10.0.0.1:7007"}, {"MYNAHD_SERVICE_HOST", "10.0.0.1"}});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->configuration, Configuration{});
}

struct Mistake {
    const char* name;
    std::vector<std::string> arguments;
    Variables variables;
    const char* message;
};

class CommandLineMistake : public testing::TestWithParam<Mistake> {};

TEST_P(CommandLineMistake, IsOneLineThatNamesItsPlaceAndExits2) {
    const auto outcome = parse(GetParam().arguments, GetParam().variables);
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message, StartsWith(GetParam().message));
    EXPECT_THAT(outcome.error().message, Not(HasSubstr("\n")));
    EXPECT_EQ(outcome.error().exit_status, 2);
}

INSTANTIATE_TEST_SUITE_P(
    Each, CommandLineMistake,
    testing::Values(
        Mistake{"UnknownFlag", {"--worker", "2"}, {}, "unknown flag \"--worker\"; did you mean --workers?"},
        Mistake{"UnknownFlagWithValue", {"--driverr=poll"}, {}, "unknown flag \"--driverr\"; did you mean --driver?"},
        Mistake{"UnknownFlagNothingNear", {"--colour"}, {}, "unknown flag \"--colour\"; mynahd --help lists the flags"},
        Mistake{"UnknownShortFlag", {"-x"}, {}, "unknown flag \"-x\"; mynahd --help lists the flags"},
        Mistake{"StrayWord", {"start"}, {}, "unexpected argument \"start\"; mynahd --help lists the flags"},
        Mistake{"StrayWordAfterValue", {"--listen", "tcp://a:1", "tcp://b:2"}, {}, "unexpected argument \"tcp://b:2\""},
        Mistake{"StrangeBytes", {"--\x1b[2J\n"}, {}, "unknown flag \"--\\x1b[2J\\n\""},
        Mistake{"MissingValue", {"--workers"}, {}, "--workers needs a value; mynahd --help lists the flags"},
        Mistake{"MissingValueAfterEquals", {"--driver="}, {}, "--driver needs a value"},
        Mistake{"NoFileName", {"--config", ""}, {}, "\"\": cannot read the configuration: "},
        Mistake{"EmptyValue",
                {"--driver", ""},
                {},
                "--driver: \"\" is not known; choose auto, select, poll, epoll or io_uring"},
        Mistake{"NegativeValue", {"--workers", "-1"}, {}, "--workers: \"-1\" is not a whole number"},
        Mistake{"BadDuration", {"--idle-timeout", "60"}, {}, "--idle-timeout: \"60\" has no unit; accepted: "},
        Mistake{"BadAddress", {"--listen", "7007"}, {}, "--listen: \"7007\" is not an address"},
        Mistake{"BadLevel", {"--log-level", "trace"}, {}, "--log-level: \"trace\" is not known; choose debug, info"},
        Mistake{"BadVariable", {}, {{"MYNAHD_WORKERS", "many"}}, "MYNAHD_WORKERS: \"many\" is not a whole number"},
        Mistake{"BadAddressInVariable",
                {},
                {{"MYNAHD_LISTEN", "tcp://a:1,,tcp://b:1"}},
                "MYNAHD_LISTEN: \"\" is not an address"},
        Mistake{"CoveredMistake",
                {"--workers", "2"},
                {{"MYNAHD_WORKERS", "many"}},
                "MYNAHD_WORKERS: \"many\" is not a whole number"},
        Mistake{"MissingFile",
                {"--config", "/nonexistent/x.toml"},
                {},
                "/nonexistent/x.toml: cannot read the configuration: No such file or directory"},
        Mistake{"MissingFileInVariable",
                {},
                {{"MYNAHD_CONFIG", "/nonexistent/y.toml"}},
                "/nonexistent/y.toml: cannot read the configuration: No such file or directory"},
        Mistake{"Inconsistent",
                {"--drain-spread", "1m"},
                {},
                "drain.spread (1m, from --drain-spread) is longer than drain.timeout (30s, the default)"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(CommandLine, AMistakeInTheFileIsNamedWithFileLineAndColumn) {
    const TemporaryFile file("\n[limits]\nidle_timout = \"1s\"\n");
    const auto outcome = parse({"--config", file.path(), "--check"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().message,
              file.path() + ":3:1: limits.idle_timout: unknown key; did you mean limits.idle_timeout?");
    EXPECT_EQ(outcome.error().exit_status, 2);
}

TEST(CommandLine, CheckPrintsTheConfigurationOnOneLine) {
    const auto outcome = parse({"--check", "--workers", "4"});
    ASSERT_TRUE(outcome);
    const std::string output = outcome->output.value_or("");
    EXPECT_THAT(output, StartsWith("configuration ok: listen=tcp://127.0.0.1:7007 "));
    EXPECT_THAT(output, HasSubstr(" workers=4 "));
    EXPECT_EQ(output.find('\n'), output.size() - 1);
}

TEST(CommandLine, CheckAcceptsTheCommentedFile) {
    const auto outcome = parse({"--config", MYNAH_SOURCE_FOLDER "/config/mynahd.toml", "--check"});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->configuration, Configuration{});
}

TEST(CommandLine, HelpNamesEveryFlagAndIsGivenInSpiteOfABrokenEnvironment) {
    for (const char* flag : {"--help", "-h"}) {
        const auto outcome = parse({"--workers", "x", flag}, {{"MYNAHD_WORKERS", "many"}});
        ASSERT_TRUE(outcome) << outcome.error().message;
        EXPECT_EQ(outcome->output, help_text());
    }
    const std::string help = help_text();
    for (const Key& key : configuration_keys()) {
        EXPECT_THAT(help, HasSubstr("\n  " + std::string(key.flag) + " " + std::string(key.placeholder)));
    }
    for (const char* taught : {"--config FILE", "--check", "--version", "SIGTERM", "exit status", "MYNAHD_CONFIG",
                               "\n  0  ", "\n  1  ", "\n  2  ", "\n  3  "}) {
        EXPECT_THAT(help, HasSubstr(taught));
    }
}

TEST(CommandLine, NoLineOfTheHelpIsTooWideForATerminalOf120) {
    const std::string help = help_text();
    std::size_t start = 0;
    for (std::size_t end = help.find('\n'); end != std::string::npos; end = help.find('\n', start)) {
        EXPECT_LE(end - start, 120U) << help.substr(start, end - start);
        start = end + 1;
    }
    EXPECT_EQ(start, help.size());
}

TEST(CommandLine, VersionPrintsIt) {
    const auto outcome = parse({"--version"});
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->output.value_or(""), testing::MatchesRegex("mynahd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLine, ReadsTheProcesssEnvironmentUnlessToldOtherwise) {
    // No other thread runs here.
    ASSERT_EQ(::setenv("MYNAHD_WORKERS", "9", 1), 0);  // NOLINT(concurrency-mt-unsafe)
    const auto outcome = parse_command_line({}, {.environment = {}, .check_address = {}});
    ASSERT_EQ(::unsetenv("MYNAHD_WORKERS"), 0);  // NOLINT(concurrency-mt-unsafe)
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->configuration.workers, 9U);
}

TEST(CommandLine, AnExceptionFromACheckIsAFailureNotAnEscape) {
    const auto outcome = parse_command_line(
        {"--listen", "tcp://a:1"},
        {.environment = {}, .check_address = [](std::string_view) -> std::expected<void, std::string> {
             throw std::runtime_error("boom");
         }});
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message, HasSubstr("boom"));
    EXPECT_EQ(outcome.error().exit_status, 1);
}

}  // namespace
}  // namespace mynah::server
