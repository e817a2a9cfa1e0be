// mynah ping: its lines, its closing statistics, and its exit status.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

using testing::HasSubstr;

Process::Options ping_process(const std::string& address, std::vector<std::string> more) {
    more.insert(more.begin(), {"ping", address});
    return {.program = MYNAH_MYNAH_PROGRAM,
            .arguments = std::move(more),
            .environment = {},
            .directory = {},
            .max_descriptors = std::nullopt,
            .core = std::nullopt};
}

void expect_statistics(const std::string& out, int sent, int received) {
    EXPECT_THAT(out, HasSubstr(" ping statistics ---\n"));
    EXPECT_THAT(out,
                HasSubstr(std::to_string(sent) + " packets transmitted, " + std::to_string(received) + " received"));
}

TEST(Ping, ThreeProbesPrintThreeRepliesAndStatistics) {
    Daemon daemon;
    const std::string address = daemon.endpoint().text();
    const RunResult run = run_mynah({"ping", address, "-c", "3", "-i", "20ms"});
    EXPECT_EQ(run.status, 0);
    EXPECT_EQ(run.err, "");
    const std::vector<std::string> lines = lines_of(run.out);
    for (const char* sequence : {"seq=1", "seq=2", "seq=3"}) {
        EXPECT_EQ(std::ranges::count_if(lines,
                                        [sequence](const std::string& line) {
                                            return line.find(sequence) != std::string::npos &&
                                                   line.find("time=") != std::string::npos;
                                        }),
                  1)
            << sequence << " in\n"
            << run.out;
    }
    expect_statistics(run.out, 3, 3);
    EXPECT_THAT(run.out, HasSubstr("0% packet loss"));
    const std::regex times(R"(rtt min/avg/max/mdev = ([0-9.]+)/([0-9.]+)/([0-9.]+)/([0-9.]+) ms)");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(run.out, match, times)) << run.out;
    EXPECT_LE(std::stod(match[1]), std::stod(match[2]));
    EXPECT_LE(std::stod(match[2]), std::stod(match[3]));
    EXPECT_GT(std::stod(match[1]), 0.0);
}

TEST(Ping, InterruptPrintsStatistics) {
    Daemon daemon;
    Process ping(ping_process(daemon.endpoint().text(), {"-i", "20ms"}));
    ASSERT_TRUE(ping.wait_for(Output::standard, "seq=3"));
    ping.send_signal(SIGINT);
    const auto ending = ping.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 0);
    EXPECT_THAT(ping.text(Output::standard), HasSubstr(" ping statistics ---\n"));
    EXPECT_THAT(ping.text(Output::standard), HasSubstr(" 0% packet loss"));
}

TEST(Ping, LargeProbesComeBackWhole) {
    Daemon daemon;
    const RunResult run = run_mynah({"ping", daemon.endpoint().text(), "-c", "3", "-i", "10ms", "-s", "1048576"});
    EXPECT_EQ(run.status, 0) << run.out << run.err;
    expect_statistics(run.out, 3, 3);
}

TEST(Ping, ProbesThatComeBackChangedAreExitStatusOne) {
    const ScriptedServer liar(echo_with_last_byte_changed);
    const RunResult run = run_mynah({"ping", liar.address(), "-c", "2", "-i", "20ms", "-W", "2s"});
    EXPECT_EQ(run.status, 1);
    expect_statistics(run.out, 2, 0);
    EXPECT_THAT(run.out, HasSubstr("corrupted"));
}

TEST(Ping, SilentServerIsExitStatusThreeWithAllProbesLost) {
    const ScriptedServer silent(read_and_never_answer);
    const RunResult run = run_mynah({"ping", silent.address(), "-c", "2", "-i", "20ms", "-W", "200ms"});
    EXPECT_EQ(run.status, 3);
    expect_statistics(run.out, 2, 0);
    EXPECT_THAT(run.out, HasSubstr("100% packet loss"));
}

TEST(Ping, RefusedPortIsExitStatusThree) {
    std::string address;
    {
        const LoopbackListener closed_soon = listen_on_loopback();
        address = closed_soon.endpoint.text();
    }
    EXPECT_EQ(run_mynah({"ping", address, "-c", "1", "-W", "1s"}).status, 3);
}

// The probe that proves what the network did: a drained and replaced daemon costs some probes, and ping says how many.
TEST(Ping, ConnectsAgainWhenTheServerIsReplaced) {
    std::string address;
    auto first = std::make_unique<Daemon>();
    address = first->endpoint().text();
    Process ping(ping_process(address, {"-i", "20ms", "-W", "1s"}));
    ASSERT_TRUE(ping.wait_for(Output::standard, "seq=3"));
    ASSERT_EQ(first->terminate_and_wait(), 0);
    first.reset();
    const std::size_t replies_before = lines_of(ping.text(Output::standard)).size();
    Daemon second(Daemon::Options{.arguments = {}, .listen = {address}});
    EXPECT_TRUE(ping.wait_for(Output::standard, [&](std::string_view text) {
        const std::vector<std::string> lines = lines_of(text);
        return std::count_if(lines.begin() + static_cast<std::ptrdiff_t>(std::min(replies_before, lines.size())),
                             lines.end(),
                             [](const std::string& line) { return line.find("time=") != std::string::npos; }) >= 3;
    })) << ping.text(Output::standard);
    ping.send_signal(SIGINT);
    const auto ending = ping.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_TRUE(ending->code == 0 || ending->code == 1);
    EXPECT_THAT(ping.text(Output::standard), HasSubstr(" ping statistics ---\n"));
    EXPECT_EQ(second.terminate_and_wait(), 0);
}

}  // namespace
}  // namespace mynah::integration
