// The harness can fail: what these tests prove is what the others rely on.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "tests/integration/echo_client.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/scripted_server.hpp"

namespace mynah::integration {
namespace {

Process::Options shell(const std::string& script) {
    return {.program = "/bin/sh",
            .arguments = {"-c", script},
            .environment = {},
            .directory = {},
            .max_descriptors = std::nullopt,
            .core = std::nullopt};
}

TEST(Harness, ProcessReportsOutputAndExitStatus) {
    Process process(shell("cat; echo oops >&2; exit 7"));
    process.write_input("hello");
    process.end_input();
    const auto ending = process.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->code, 7);
    EXPECT_EQ(process.text(Output::standard), "hello");
    EXPECT_EQ(process.text(Output::error), "oops\n");
}

TEST(Harness, ProcessMovesMoreThanAPipeHoldsBothWays) {
    const std::string input(4'000'000, 'x');
    Process process(shell("cat"));
    process.write_input(input);
    process.end_input();
    ASSERT_TRUE(process.wait().has_value());
    EXPECT_EQ(process.text(Output::standard).size(), input.size());
}

TEST(Harness, WaitGivesUpAtItsLimitAndTheDestructorKills) {
    pid_t pid = -1;
    {
        Process process(shell("exec sleep 1000"));
        pid = process.pid();
        EXPECT_FALSE(process.wait(std::chrono::milliseconds(20)).has_value());
        EXPECT_FALSE(process.wait_for(Output::standard, "never", std::chrono::milliseconds(20)));
    }
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST(Harness, ProcessReportsTheSignalThatEndedIt) {
    Process process(shell("exec sleep 1000"));
    process.send_signal(SIGKILL);
    const auto ending = process.wait();
    ASSERT_TRUE(ending.has_value());
    EXPECT_EQ(ending->signal, SIGKILL);
}

TEST(Harness, ProcessSetsTheDescriptorLimitAndLeaksNoneOfOurs) {
    Process::Options options = shell("ulimit -n; ls /proc/self/fd");
    options.max_descriptors = 77;
    Process process(options);
    ASSERT_TRUE(process.wait().has_value());
    EXPECT_EQ(process.text(Output::standard), "77\n0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST(Harness, CpuTimeOfABusyProcessGrowsAndOfASleepingOneDoesNot) {
    const Process busy(shell("while :; do :; done"));
    const Process idle(shell("exec sleep 1000"));
    EXPECT_TRUE(eventually([&] { return busy.cpu_time() > std::chrono::milliseconds(100); }));
    EXPECT_LT(idle.cpu_time(), std::chrono::milliseconds(50));
}

TEST(Harness, FleetNoticesAByteThatDiffers) {
    const ScriptedServer liar(echo_with_last_byte_changed);
    EchoFleet fleet;
    const EchoConnection& connection = fleet.add(liar.endpoint(), {.total_bytes = 100});
    EXPECT_TRUE(fleet.run_until([&] { return connection.received() == 100; }));
    EXPECT_FALSE(connection.is_exact_prefix());
}

TEST(Harness, FleetTellsAResetFromAFin) {
    const ScriptedServer server([](int connection) {
        const std::string request = receive_some(connection, 1);
        if (request.empty()) {
            return;
        }
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    });
    EchoFleet fleet;
    const EchoConnection& resets = fleet.add(server.endpoint(), {.total_bytes = 1});
    EXPECT_TRUE(fleet.run_until([&] { return resets.end() == EchoConnection::End::reset; }));
    const EchoConnection& finishes = fleet.add(server.endpoint(), {.total_bytes = 0, .half_close = true});
    EXPECT_TRUE(fleet.run_until([&] { return finishes.end() == EchoConnection::End::fin; }));
}

TEST(Harness, PatternIsTheSameFromEveryOffset) {
    std::array<char, 100> whole{};
    fill_pattern(whole, 5, 0);
    for (std::size_t offset = 0; offset < whole.size(); offset += 7) {
        std::array<char, 100> part{};
        const std::size_t count = whole.size() - offset;
        fill_pattern(std::span(part).first(count), 5, offset);
        EXPECT_TRUE(std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count),
                               whole.begin() + static_cast<std::ptrdiff_t>(offset)));
    }
    std::array<char, 100> other{};
    fill_pattern(other, 6, 0);
    EXPECT_NE(whole, other);
}

}  // namespace
}  // namespace mynah::integration
