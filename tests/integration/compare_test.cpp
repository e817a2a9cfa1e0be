// mynah compare: two real loads, of which the second meets faults on purpose.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/daemon.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// One load of 1,600 messages on eight connections; its exit status.
int load(const std::string& report, const std::vector<std::string>& daemon_arguments) {
    Daemon daemon(daemon_arguments);
    const std::vector<std::string> arguments{"load", daemon.endpoint().text(), "-c", "8", "-n", "1600", "--json",
                                             report};
    const RunResult run = run_mynah(arguments, {}, patience(std::chrono::seconds(60)));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    return run.status;
}

TEST(Compare, FindsDelaysAndChangedBytesThatASecondLoadMeets) {
    const ScratchFolder folder;
    const std::string before = folder.path("before.json");
    const std::string after = folder.path("after.json");
    ASSERT_EQ(load(before, {}), 0);
    // Each twentieth message of each connection waits for longer than any machine's noise takes.
    ASSERT_EQ(load(after, {"--fault", "delay,every=1280,duration=200ms", "--fault", "corrupt,at=640"}), 1);

    const RunResult same = run_mynah({"compare", before, before});
    EXPECT_EQ(same.status, 0) << same.out << same.err;
    EXPECT_THAT(same.out, HasSubstr("no regression beyond 10%\n"));

    const RunResult worse =
        run_mynah({"compare", before, after, "--threshold", "20%", "--json", folder.path("compared.json")});
    EXPECT_EQ(worse.status, 1) << worse.out << worse.err;
    EXPECT_EQ(worse.err, "");
    EXPECT_THAT(worse.out, HasSubstr("REGRESSION beyond 20%: "));
    const json compared = json::parse(folder.read("compared.json"));
    EXPECT_EQ(compared["before"]["sent"], 1'600);
    std::vector<std::string> regressions = compared["regressions"];
    EXPECT_THAT(regressions, testing::IsSupersetOf({"messages", "p99", "messages mismatched"}));
    EXPECT_EQ(compared["losses"][0]["after"], 8) << "one byte of each connection";
}

TEST(Compare, FilesThatAreNoReportsAreOneLineAndExitStatusTwo) {
    const ScratchFolder folder;
    const std::string text = folder.write("text.json", "hello");
    const std::string other = folder.write("other.json", "{\"schema\": \"else\"}");
    const auto refused = [](const std::string& before, const std::string& after, const char* said) {
        const RunResult run = run_mynah({"compare", before, after});
        EXPECT_EQ(run.status, 2);
        EXPECT_EQ(run.out, "");
        EXPECT_EQ(lines_of(run.err).size(), 1U) << run.err;
        EXPECT_THAT(run.err, HasSubstr(said));
    };
    refused(text, other, "text.json: no report: it is not JSON");
    refused(other, text, "other.json: no report: its schema is neither mynah-load/1 nor mynah-watch/1");
    refused(folder.path("missing.json"), text, "missing.json: No such file or directory");
}

}  // namespace
}  // namespace mynah::integration
