// The configuration file and the environment: what counts, and what each kind of mistake says.
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"

namespace mynah::integration {
namespace {

struct Mistake {
    const char* name;
    std::string file;
    std::string line;  // where it is
    std::string named;
};

// CTest shows it beside the test's name.
void PrintTo(const Mistake& tested, std::ostream* out) {
    *out << tested.name;
}

class BadConfiguration : public testing::TestWithParam<Mistake> {};

TEST_P(BadConfiguration, IsOneLineThatNamesFileAndLineAndKeyAndExitStatusTwo) {
    const ScratchFolder scratch;
    const std::string path = scratch.write("mynahd.toml", GetParam().file);
    for (const bool check : {false, true}) {
        std::vector<std::string> arguments{"--config", path};
        if (check) {
            arguments.emplace_back("--check");
        }
        const RunResult run = run_mynahd(arguments);
        EXPECT_EQ(run.status, 2);
        EXPECT_EQ(run.out, "");
        EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
        EXPECT_NE(run.err.find(path + ":" + GetParam().line), std::string::npos) << run.err;
        EXPECT_NE(run.err.find(GetParam().named), std::string::npos) << run.err;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadConfiguration,
    testing::Values(
        Mistake{"NotToml", "driver = \"poll\"\nthis is not TOML\n", "2", ""},
        Mistake{"UnclosedString", "driver = \"poll\n", "1", ""},
        Mistake{"KeyTwice", "workers = 1\nworkers = 2\n", "2", "workers"},
        Mistake{"UnknownKey", "workers = 1\n\nworkerz = 2\n", "3", "workerz"},
        Mistake{"UnknownKeyInATable", "[limits]\nidle_timout = \"5s\"\n", "2", "idle_timout"},
        Mistake{"UnknownTable", "workers = 1\n[limitz]\nconnections = 5\n", "2", "limitz"},
        Mistake{"NumberWhereTextBelongs", "\ndriver = 5\n", "2", "driver"},
        Mistake{"TextWhereANumberBelongs", "workers = \"two\"\n", "1", "workers"},
        Mistake{"NumberWhereADurationBelongs", "[drain]\ngrace = 5\n", "2", "drain.grace"},
        Mistake{"FractionWhereAWholeNumberBelongs", "workers = 1.5\n", "1", "workers"},
        Mistake{"ValueWhereATableBelongs", "drain = \"soon\"\n", "1", "drain"},
        Mistake{"TableWhereAValueBelongs", "[workers]\nn = 1\n", "1", "workers"},
        Mistake{"DurationWithoutUnit", "[limits]\nidle_timeout = \"60\"\n", "2", "limits.idle_timeout"},
        Mistake{"NegativeNumber", "[limits]\nconnections = -1\n", "2", "limits.connections"},
        Mistake{"ZeroConnections", "[limits]\nconnections = 0\n", "2", "limits.connections"},
        Mistake{"UnknownDriver", "driver = \"kqueue\"\n", "1", "kqueue"},
        Mistake{"AddressThatDoesNotParse", "listen = \"tcp://nowhere\"\n", "1", "tcp://nowhere"},
        Mistake{"SecondAddressDoesNotParse", "listen = [\n  \"tcp://127.0.0.1:0\",\n  \"tcp:/127.0.0.1:0\",\n]\n", "3",
                "tcp:/127.0.0.1:0"},
        Mistake{"NoAddressAtAll", "listen = []\n", "1", "listen"},
        Mistake{"UnknownLogLevel", "[log]\nlevel = \"loud\"\n", "2", "loud"},
        Mistake{"UnknownLedger", "[ledger]\nurl = \"mysql://x\"\n", "2", "mysql://x"},
        Mistake{"SpreadLongerThanTheTimeout", "[drain]\nspread = \"1m\"\ntimeout = \"30s\"\n", "2", "drain.spread"}),
    [](const testing::TestParamInfo<Mistake>& tested) { return tested.param.name; });

TEST(Configuration, MissingFileIsOneLineAndExitStatusTwo) {
    const ScratchFolder scratch;
    const RunResult run = run_mynahd({"--config", scratch.path("missing.toml")});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
    EXPECT_NE(run.err.find("missing.toml"), std::string::npos) << run.err;
}

TEST(Configuration, FolderInsteadOfAFileIsOneLineAndExitStatusTwo) {
    const ScratchFolder scratch;
    const RunResult run = run_mynahd({"--config", scratch.root()});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
    EXPECT_NE(run.err.find(scratch.root()), std::string::npos) << run.err;
}

TEST(Configuration, CheckAcceptsASoundFileAndServesNothing) {
    const ScratchFolder scratch;
    const std::string path = scratch.write("mynahd.toml", R"(
listen = ["tcp://127.0.0.1:0", "tcp://[::1]:0"]
driver = "select"
workers = 2
instance = "parrot"

[limits]
connections = 500
per_address = 50
idle_timeout = "30s"
write_timeout = "5s"
receive_buffer = "16KiB"

[drain]
grace = "0s"
spread = "1s"
linger = "2s"
timeout = "10s"

[ledger]
url = "off"

[log]
level = "debug"
format = "json"
)");
    const RunResult run = run_mynahd({"--config", path, "--check"});
    EXPECT_EQ(run.status, 0);
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(run.out.find("listening"), std::string::npos) << run.out;
}

TEST(Configuration, CheckOfTheFileThatIsShippedSucceeds) {
    const RunResult run = run_mynahd({"--config", MYNAH_SOURCE_FOLDER "/config/mynahd.toml", "--check"});
    EXPECT_EQ(run.status, 0) << run.err;
}

TEST(Configuration, EnvironmentMistakeNamesTheVariable) {
    const RunResult run = run_mynahd({"--check"}, {"MYNAHD_DRIVER=kqueue"});
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
    EXPECT_NE(run.err.find("MYNAHD_DRIVER"), std::string::npos) << run.err;
    EXPECT_NE(run.err.find("kqueue"), std::string::npos) << run.err;
}

// What --check prints tells which layer won.
TEST(Configuration, FlagsCountMoreThanEnvironmentMoreThanFileMoreThanDefaults) {
    const ScratchFolder scratch;
    const std::string path = scratch.write("mynahd.toml", "workers = 3\n");
    const auto workers = [](const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
        const RunResult run = run_mynahd(arguments, environment);
        EXPECT_EQ(run.status, 0) << run.err;
        constexpr std::string_view kKey = " workers=";
        const std::size_t begin = run.out.find(kKey);
        return begin == std::string::npos
                   ? std::string()
                   : run.out.substr(begin + kKey.size(), run.out.find_first_of(" \n", begin + 1) - begin - kKey.size());
    };
    EXPECT_EQ(workers({"--check"}, {}), "0");
    EXPECT_EQ(workers({"--check", "--config", path}, {}), "3");
    EXPECT_EQ(workers({"--check", "--config", path}, {"MYNAHD_WORKERS=4"}), "4");
    EXPECT_EQ(workers({"--check", "--config", path, "--workers", "5"}, {"MYNAHD_WORKERS=4"}), "5");
}

TEST(Configuration, DaemonServesWithWhatTheFileSays) {
    const ScratchFolder scratch;
    const std::string path = scratch.write("mynahd.toml", "[log]\nformat = \"json\"\n[drain]\ngrace = \"0s\"\n");
    Daemon daemon({"--config", path});
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    const std::vector<std::string> lines = lines_of(daemon.log());
    ASSERT_FALSE(lines.empty());
    EXPECT_TRUE(lines[0].starts_with("{")) << lines[0];
}

}  // namespace
}  // namespace mynah::integration
