// Which driver a daemon runs with, and what it says where the machine refuses one.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/daemon.hpp"
#include "tests/integration/echo_client.hpp"
#include "tests/integration/patience.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {
namespace {

/// A call of io_uring's that a filter refuses.
class WithoutIoUring : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Refused, WithoutIoUring, testing::Values("setup", "enter", "register"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(WithoutIoUring, AutoGoesOnAndSaysSoInOneLine) {
    Daemon daemon(Daemon::Options{.arguments = {"--driver", "auto", "--drain-linger", "0s"},
                                  .under = {MYNAH_WITHOUT_IO_URING_PROGRAM, GetParam()}});
    // More than select serves well: it has to move to something.
    constexpr std::size_t kMany = 200;
    EchoFleet fleet;
    fleet.add(daemon.endpoint(), {.total_bytes = 1000}, kMany);
    EXPECT_TRUE(fleet.run_until([&] { return fleet.all([](const EchoConnection& c) { return c.is_all_echoed(); }); }));
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    std::size_t lines = 0;
    for (const std::string& line : lines_of(daemon.log())) {
        lines += line.find("io_uring") != std::string::npos ? 1U : 0U;
    }
    EXPECT_EQ(lines, 1U) << daemon.log();
    EXPECT_NE(daemon.log().find("io_uring is forbidden here"), std::string::npos) << daemon.log();
}

TEST(DriverChoice, AutoSaysNothingWhereIoUringIsToBeHad) {
    Daemon daemon(Daemon::Options{.arguments = {"--driver", "auto"}});
    EXPECT_EQ(daemon.terminate_and_wait(), 0);
    EXPECT_EQ(daemon.log().find("io_uring"), std::string::npos) << daemon.log();
}

TEST_P(WithoutIoUring, TheDriverItselfIsRefusedInOneClearLineWithExitStatusOne) {
    Process process(
        {.program = MYNAH_WITHOUT_IO_URING_PROGRAM,
         .arguments = {GetParam(), MYNAH_MYNAHD_PROGRAM, "--listen", "tcp://127.0.0.1:0", "--driver", "io_uring"},
         .environment = {},
         .directory = {},
         .max_descriptors = std::nullopt,
         .core = std::nullopt});
    const auto ending = process.wait(patience());
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->code, 1);
    EXPECT_EQ(process.text(Output::standard), "");
    const std::string error = process.text(Output::error);
    EXPECT_EQ(lines_of(error).size(), 1U) << error;
    EXPECT_NE(error.find("mynahd: io_uring is forbidden here"), std::string::npos) << error;
}

}  // namespace
}  // namespace mynah::integration
