// The sections of conc/FOR_GO_PROGRAMMERS.md on contexts and time.
#include <optional>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/guide/guide.hpp"

namespace guide {
namespace {

using namespace mynah::conc;
using namespace std::chrono_literals;

TEST(Guide, ACancelledContextTellsItsChildrenWhy) {
    run([]() -> Task<> {
        const auto [ctx, cancel] = with_cancel_cause(Context::background());
        const auto [child, stop] = with_timeout(ctx, 1min);
        cancel(std::make_error_code(std::errc::host_unreachable));
        co_await select(child.done());
        const std::error_code error = child.err();    // ContextError::canceled
        const std::error_code cause = child.cause();  // std::errc::host_unreachable

        EXPECT_EQ(error, ContextError::canceled);
        EXPECT_EQ(cause, std::errc::host_unreachable);
    });
}

TEST(Guide, AContextWithATimeout) {
    run([]() -> Task<> {
        const auto [ctx, cancel] = with_timeout(Context::background(), 1ms);
        co_await select(ctx.done());
        const bool too_late = ctx.err() == ContextError::deadline_exceeded;

        EXPECT_TRUE(too_late);
    });
}

struct UserName {
    using value_type = std::string;
};

TEST(Guide, AContextCarriesValues) {
    run([]() -> Task<> {
        const Context ctx = with_value<UserName>(Context::background(), "ada");
        const std::string* name = ctx.value<UserName>();  // nullptr where nobody stored one

        EXPECT_EQ(*name, "ada");
        EXPECT_EQ(Context::background().value<UserName>(), nullptr);
        co_return;
    });
}

TEST(Guide, AfterFunc) {
    run([]() -> Task<> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const Channel<Unit> cleaned(0);
        auto stop = after_func(ctx, [cleaned]() -> Task<> {
            cleaned.close();
            co_return;
        });
        cancel();
        co_await cleaned.recv();
        const bool prevented = stop();  // false: it has run

        EXPECT_FALSE(prevented);
    });
}

TEST(Guide, SleepTimerAndTicker) {
    run([]() -> Task<> {
        const TimePoint begin = now();
        co_await sleep_for(1ms);

        Timer timer(1h);
        const bool stopped = timer.stop();
        timer.reset(1ms);
        const std::optional<TimePoint> fired = co_await timer.channel().recv();

        Ticker ticker(1ms);
        for (int tick = 0; tick < 3; ++tick) {
            co_await ticker.channel().recv();
        }
        ticker.stop();

        co_await select(after(1ms));

        EXPECT_TRUE(stopped);
        EXPECT_GE(fired.value() - begin, 2ms);
        EXPECT_GE(now() - begin, 6ms);
    });
}

}  // namespace
}  // namespace guide
