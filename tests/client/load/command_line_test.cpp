#include "client/command_line.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/load/options.hpp"
#include "net/driver.hpp"
#include "tests/client/typed_command.hpp"

namespace mynah::client::load {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

const std::string kAddress = "tcp://127.0.0.1:7007";

Options parsed(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"load", kAddress});
    return testing_support::typed<Options>(arguments);
}

std::string refused(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"load", kAddress});
    return testing_support::mistake_in(arguments);
}

TEST(LoadCommandLine, HasDefaults) {
    const Options options = parsed({});
    EXPECT_EQ(options.address.to_string(), kAddress);
    EXPECT_EQ(options.connections, 10U);
    EXPECT_EQ(options.duration, 10s);
    EXPECT_EQ(options.count, std::nullopt);
    EXPECT_EQ(options.message_bytes, (SizeRange{.least = 64, .most = 64}));
    EXPECT_EQ(options.depth, 1U);
    EXPECT_EQ(options.rate, std::nullopt);
    EXPECT_EQ(options.warm_up, 0s);
    EXPECT_EQ(options.timeout, 5s);
    EXPECT_EQ(options.driver, net::DriverKind::automatic);
    EXPECT_EQ(options.json_path, "");
    EXPECT_EQ(options.html_path, "");
}

TEST(LoadCommandLine, ReadsEveryFlag) {
    const Options options = parsed({"-c",     "1000",   "-d",     "1m",     "-n",        "5",    "-s",       "1-1400",
                                    "-p",     "32",     "-r",     "20000",  "--warm-up", "1s",   "--driver", "epoll",
                                    "--json", "a.json", "--html", "b.html", "-W",        "250ms"});
    EXPECT_EQ(options.connections, 1000U);
    EXPECT_EQ(options.duration, 1min);
    EXPECT_EQ(options.count, 5U);
    EXPECT_EQ(options.message_bytes, (SizeRange{.least = 1, .most = 1400}));
    EXPECT_EQ(options.depth, 32U);
    EXPECT_EQ(options.rate, 20000U);
    EXPECT_EQ(options.warm_up, 1s);
    EXPECT_EQ(options.driver, net::DriverKind::epoll);
    EXPECT_EQ(options.json_path, "a.json");
    EXPECT_EQ(options.html_path, "b.html");
    EXPECT_EQ(options.timeout, 250ms);
    const Options longer =
        parsed({"--connections=2", "--duration=1s", "--count=3", "--size=4", "--depth=5", "--rate=6", "--timeout=7s"});
    EXPECT_EQ(longer.connections, 2U);
    EXPECT_EQ(longer.duration, 1s);
    EXPECT_EQ(longer.count, 3U);
    EXPECT_EQ(longer.message_bytes, (SizeRange{.least = 4, .most = 4}));
    EXPECT_EQ(longer.depth, 5U);
    EXPECT_EQ(longer.rate, 6U);
    EXPECT_EQ(longer.timeout, 7s);
}

TEST(LoadCommandLine, ACountAloneHasAllTheTimeItTakes) {
    EXPECT_EQ(parsed({"-n", "5"}).duration, std::nullopt);
    EXPECT_EQ(parsed({"-n", "5", "-d", "3s"}).duration, 3s);
}

TEST(LoadCommandLine, RefusesWhatMakesNoSense) {
    EXPECT_THAT(refused({"-c", "0"}), HasSubstr("--connections: \"0\" is not a whole number from 1 to 1000000"));
    EXPECT_THAT(refused({"-c", "many"}), HasSubstr("--connections: \"many\""));
    EXPECT_THAT(refused({"-d", "0s"}), HasSubstr("--duration: \"0s\" is not a duration above zero"));
    EXPECT_THAT(refused({"-n", "-1"}), HasSubstr("--count"));
    EXPECT_THAT(refused({"-p", "65537"}), HasSubstr("--depth: \"65537\" is not a whole number from 1 to 65536"));
    EXPECT_THAT(refused({"-r", "1.5"}), HasSubstr("--rate: \"1.5\""));
    EXPECT_THAT(refused({"--warm-up", "soon"}), HasSubstr("--warm-up: \"soon\""));
    EXPECT_THAT(refused({"--driver", "kqueue"}), HasSubstr("kqueue"));
    EXPECT_THAT(refused({"-W", "0"}), HasSubstr("--timeout"));
    EXPECT_THAT(refused({"extra"}), HasSubstr("unexpected argument \"extra\""));
    EXPECT_THAT(refused({"--frobnicate"}), HasSubstr("unknown flag \"--frobnicate\""));
}

TEST(LoadCommandLine, RefusesSizesThatAreNone) {
    for (const char* size : {"0", "big", "1-", "-5", "5-x", "1-2-3", "1073741825", "0-5", ""}) {
        EXPECT_THAT(refused({"-s", size}), HasSubstr("--size")) << size;
    }
    EXPECT_THAT(refused({"-s", "9-8"}), HasSubstr("\"9-8\" is a range that ends before it begins"));
}

TEST(LoadCommandLine, HelpNamesEveryFlag) {
    const std::string help(help_text("load"));
    for (const char* flag : {"-c, --connections", "-d, --duration", "-n, --count", "-s, --size", "-p, --depth",
                             "-r, --rate", "--warm-up", "-W, --timeout", "--driver", "--json", "--html"}) {
        EXPECT_THAT(help, HasSubstr(flag));
    }
}

TEST(LoadCommandLine, TwoReportsGoIntoTwoFiles) {
    EXPECT_THAT(refused({"--json", "report", "--html", "./report"}),
                HasSubstr("--json and --html name one file, report"));
    EXPECT_EQ(parsed({"--json", "/dev/null", "--html", "/dev/null"}).html_path, "/dev/null");
}

}  // namespace
}  // namespace mynah::client::load
