#include "conc/leak_check.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "conc/channel.hpp"
#include "conc/go.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"

namespace mynah::conc {
namespace {

class LeakCheckTest : public LeakCheck {};

Task<> yields(int times) {
    for (int i = 0; i < times; ++i) {
        co_await yield();
    }
}

Task<> leaves_one_that_can_run() {
    go(yields, 100);
    co_return;
}

Task<> leaves_one_that_waits() {
    const Channel<int> never(0);
    go([never]() -> Task<> { co_await never.send(1); });
    co_return;
}

Task<> leaves_one_that_waits_and_throws() {
    co_await leaves_one_that_waits();
    throw std::runtime_error("the main task's own");
}

TEST_F(LeakCheckTest, LetsATaskThatCanRunEnd) {
    run({.workers = 1}, leaves_one_that_can_run());
    run({.workers = 2}, leaves_one_that_can_run());
    run({.workers = 2, .seed = 1}, leaves_one_that_can_run());
}

TEST_F(LeakCheckTest, FailsForATaskThatWaits) {
    EXPECT_NONFATAL_FAILURE(run({.workers = 2}, leaves_one_that_waits()), "was left behind [chan send");
}

TEST_F(LeakCheckTest, ReturnsTheMainTasksResult) {
    const std::string result = run([]() -> Task<std::string> { co_return "result"; }());
    EXPECT_EQ(result, "result");
}

TEST_F(LeakCheckTest, ChecksAMainTaskThatThrows) {
    const auto run_it = [] {
        EXPECT_THROW(run({.workers = 2}, leaves_one_that_waits_and_throws()), std::runtime_error);
    };
    EXPECT_NONFATAL_FAILURE(run_it(), "was left behind [chan send");
}

}  // namespace
}  // namespace mynah::conc
