#include "client/command_line.hpp"

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/watch/options.hpp"
#include "tests/client/typed_command.hpp"

namespace mynah::client::watch {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kAddress = "tcp://127.0.0.1:7007";

Options parsed(std::vector<std::string> arguments, const std::string& address = kAddress) {
    arguments.insert(arguments.begin(), {"watch", address});
    return testing_support::typed<Options>(arguments);
}

std::string refused(std::vector<std::string> arguments, const std::string& address = kAddress) {
    arguments.insert(arguments.begin(), {"watch", address});
    return testing_support::mistake_in(arguments);
}

TEST(WatchCommandLine, HasDefaults) {
    const Options options = parsed({});
    EXPECT_EQ(options.address.to_string(), kAddress);
    EXPECT_EQ(options.connections, 10U);
    EXPECT_EQ(options.rate, std::nullopt);
    EXPECT_EQ(options.frames_per_second(), 100U);
    EXPECT_EQ(options.frame_bytes, 256U);
    EXPECT_EQ(options.duration, 60s);
    EXPECT_EQ(options.timeout, 5s);
    EXPECT_TRUE(options.fail_on.empty());
    EXPECT_EQ(options.json_path, "");
    EXPECT_EQ(options.html_path, "");
}

TEST(WatchCommandLine, TakesEveryFlag) {
    const Options options = parsed({"-c", "3", "-r", "7", "-s", "64", "-d", "10m", "-W", "300ms", "--fail-on",
                                    "outage>500ms", "--fail-on", "reset>0", "--json", "a.json", "--html", "a.html"});
    EXPECT_EQ(options.connections, 3U);
    EXPECT_EQ(options.frames_per_second(), 7U);
    EXPECT_EQ(options.frame_bytes, 64U);
    EXPECT_EQ(options.duration, 10min);
    EXPECT_EQ(options.timeout, 300ms);
    ASSERT_EQ(options.fail_on.size(), 2U);
    EXPECT_EQ(options.fail_on[0].name, "outage");
    EXPECT_EQ(options.fail_on[1].name, "reset");
    EXPECT_EQ(options.json_path, "a.json");
    EXPECT_EQ(options.html_path, "a.html");
    EXPECT_EQ(parsed({"-c", "3"}).frames_per_second(), 30U);
}

TEST(WatchCommandLine, WatchesEveryTransport) {
    for (const std::string address : {"udp://127.0.0.1:7007", "unix:///run/mynah.sock", "tcp://echo.example:7"}) {
        EXPECT_EQ(parsed({}, address).address.to_string(), address);
    }
}

TEST(WatchCommandLine, TakesALedgerForEachServer) {
    EXPECT_THAT(parsed({"--ledger", "sqlite:/var/lib/a.db", "--ledger", "sqlite:b.db"}).ledger_paths,
                ElementsAre("/var/lib/a.db", "b.db"));
    EXPECT_THAT(refused({"--ledger", "/var/lib/a.db"}), HasSubstr("--ledger: \"/var/lib/a.db\" is not sqlite:PATH"));
    EXPECT_THAT(refused({"--ledger", "sqlite:"}), HasSubstr("--ledger: \"sqlite:\" is not sqlite:PATH"));
    EXPECT_THAT(refused({"--ledger", "sqlite:/tmp/a.db", "--ledger", "sqlite:/tmp/../tmp/a.db"}),
                HasSubstr("--ledger: \"sqlite:/tmp/../tmp/a.db\" was given before"));
    EXPECT_THAT(refused({"--ledger", "sqlite:a.db"}, "udp://127.0.0.1:7007"),
                HasSubstr("--ledger is for tcp:// and unix:// addresses"));
}

TEST(WatchCommandLine, SaysWhatIsWrong) {
    EXPECT_THAT(refused({"-s", "63"}), HasSubstr("--size: \"63\" is not a whole number from 64"));
    EXPECT_THAT(refused({"-s", "65508"}), HasSubstr("to 65507"));
    EXPECT_THAT(refused({"-c", "0"}), HasSubstr("--connections"));
    EXPECT_THAT(refused({"-r", "0"}), HasSubstr("--rate"));
    EXPECT_THAT(refused({"-d", "soon"}), HasSubstr("--duration"));
    EXPECT_THAT(refused({"--fail-on", "bad"}), HasSubstr("--fail-on: \"bad\""));
    EXPECT_THAT(refused({"--fail-on", "reset>0", "extra"}), HasSubstr("unexpected argument \"extra\""));
    EXPECT_THAT(refused({"-p", "3"}), HasSubstr("unknown flag \"-p\""));
}

TEST(WatchCommandLine, HelpSaysWhatCleanMeans) {
    EXPECT_THAT(std::string(help_text("watch")),
                AllOf(HasSubstr("The verdict is \"clean\" if nothing is reset, silent"),
                      HasSubstr("--fail-on CONDITION"), HasSubstr("exit status:")));
}

TEST(WatchCommandLine, AReportDoesNotOverwriteALedger) {
    const std::string path = testing::TempDir() + "mynah-ledger-of-a-watch.db";
    std::ofstream(path) << "a ledger";
    EXPECT_THAT(refused({"--ledger", "sqlite:" + path, "--html", path}),
                HasSubstr("--html and --ledger name one file"));
    EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST(WatchCommandLine, AForgottenFileNameIsNamed) {
    EXPECT_THAT(refused({"--json", ""}), HasSubstr("--json: \"\" is no name of a file"));
    EXPECT_THAT(refused({"--html", "--json"}), HasSubstr("--html: \"--json\" is no name of a file"));
    EXPECT_THAT(refused({"--json=", "--html=x"}), HasSubstr("--json needs a value"));
    EXPECT_THAT(refused({"--timeout"}), HasSubstr("--timeout needs a value"));
}

TEST(WatchCommandLine, TwoReportsGoIntoTwoFiles) {
    EXPECT_THAT(refused({"--json", "report", "--html", "./report"}),
                HasSubstr("--json and --html name one file, report"));
    EXPECT_EQ(parsed({"--json", "/dev/null", "--html", "/dev/null"}).html_path, "/dev/null");
    const std::string longer(300, 'x');  // no file system has it: opening it tells so
    EXPECT_EQ(parsed({"--json", longer + "1", "--html", longer + "2"}).html_path, longer + "2");
}

}  // namespace
}  // namespace mynah::client::watch
