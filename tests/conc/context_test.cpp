#include "conc/context.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

const std::error_code kCanceled = ContextError::canceled;
const std::error_code kDeadline = ContextError::deadline_exceeded;
const std::error_code kReason = std::make_error_code(std::errc::owner_dead);
const std::error_code kOtherReason = std::make_error_code(std::errc::io_error);

struct Name {
    using value_type = std::string;
};
struct Number {
    using value_type = int;
};

bool is_done(const Context& ctx) {
    return try_select(ctx.done()).index() == 0;
}

class ContextTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ContextTest);

TEST_P(ContextTest, CancelMakesDoneReadyForEverybody) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        EXPECT_FALSE(is_done(ctx));
        EXPECT_EQ(ctx.err(), std::error_code());
        WaitGroup wg;
        for (int i = 0; i < 10; ++i) {
            wg.go([mine = ctx]() -> Task<void> {
                const auto s = co_await select(after(hours(1)), mine.done());
                EXPECT_EQ(s.index(), 1U);
                EXPECT_EQ(mine.err(), kCanceled);
            });
        }
        co_await until_parked("select", 10);
        cancel();
        co_await wg.wait();
        EXPECT_TRUE(is_done(ctx));
    });
}

TEST_P(ContextTest, CancelIsIdempotentAndTheFirstCauseWins) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel_cause(Context::background());
            cancel(kReason);
            cancel(kOtherReason);
            cancel();
            EXPECT_EQ(ctx.err(), kCanceled);
            EXPECT_EQ(ctx.cause(), kReason);
            co_return;
        },
        1);
}

TEST_P(ContextTest, ACancelledParentCancelsItsDescendantsWithItsCause) {
    run(
        []() -> Task<void> {
            const auto [parent, cancel] = with_cancel_cause(Context::background());
            const auto [child, cancel_child] = with_cancel(parent);
            const auto [sibling, cancel_sibling] = with_timeout(parent, hours(1));
            const Context valued = with_value<Number>(child, 1);
            const auto [grandchild, cancel_grandchild] = with_cancel(valued);
            cancel(kReason);
            for (const Context& each : {parent, child, sibling, valued, grandchild}) {
                EXPECT_TRUE(is_done(each));
                EXPECT_EQ(each.err(), kCanceled);
                EXPECT_EQ(each.cause(), kReason);
            }
            const auto [late, cancel_late] = with_cancel(grandchild);
            EXPECT_TRUE(is_done(late));
            EXPECT_EQ(late.cause(), kReason);
            co_return;
        },
        1);
}

TEST_P(ContextTest, ACancelledChildLeavesItsParentAlone) {
    run(
        []() -> Task<void> {
            const auto [parent, cancel] = with_cancel(Context::background());
            for (int i = 0; i < 100; ++i) {
                const auto [child, cancel_child] = with_cancel(parent);
                cancel_child(kReason);
                EXPECT_EQ(child.cause(), kReason);
                EXPECT_FALSE(is_done(parent));
                const auto [forgotten, cancel_forgotten] = with_timeout(parent, hours(1));
            }
            cancel();
            EXPECT_EQ(parent.cause(), kCanceled);
            co_return;
        },
        1);
}

TEST_P(ContextTest, ADeadlineCancels) {
    run(
        []() -> Task<void> {
            const TimePoint start = now();
            const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(3));
            EXPECT_EQ(ctx.err(), std::error_code());
            EXPECT_GE(ctx.deadline(), start + milliseconds(3));
            const auto s = co_await select(after(hours(1)), ctx.done());
            EXPECT_EQ(s.index(), 1U);
            EXPECT_GE(now() - start, milliseconds(3));
            EXPECT_EQ(ctx.err(), kDeadline);
            EXPECT_EQ(ctx.cause(), kDeadline);
            cancel(kReason);
            EXPECT_EQ(ctx.err(), kDeadline);
            EXPECT_EQ(ctx.cause(), kDeadline);
        },
        20);
}

TEST_P(ContextTest, TheEarlierOfParentsAndChildsDeadlineCounts) {
    run(
        []() -> Task<void> {
            const auto [parent, cancel] = with_timeout(Context::background(), milliseconds(3));
            const auto [longer, cancel_longer] = with_timeout(parent, hours(1));
            EXPECT_EQ(longer.deadline(), parent.deadline());
            const auto [shorter, cancel_shorter] = with_timeout(parent, milliseconds(1));
            EXPECT_LT(shorter.deadline(), parent.deadline());
            const auto [plain, cancel_plain] = with_cancel(parent);
            EXPECT_EQ(plain.deadline(), parent.deadline());
            co_await select(shorter.done());
            EXPECT_EQ(shorter.err(), kDeadline);
            co_await select(longer.done());
            EXPECT_EQ(longer.err(), kDeadline);
            co_await select(plain.done());
            EXPECT_EQ(plain.err(), kDeadline);
        },
        20);
}

TEST_P(ContextTest, ADeadlineInThePastCancelsAtOnce) {
    run(
        []() -> Task<void> {
            const auto [past, cancel] = with_deadline(Context::background(), now() - milliseconds(1));
            EXPECT_TRUE(is_done(past));
            EXPECT_EQ(past.err(), kDeadline);
            const auto [negative, cancel_negative] = with_timeout(Context::background(), milliseconds(-1));
            EXPECT_EQ(negative.err(), kDeadline);
            const auto [never, cancel_never] = with_timeout(Context::background(), Duration::max());
            EXPECT_EQ(never.err(), std::error_code());
            co_return;
        },
        1);
}

TEST_P(ContextTest, CancelStopsTheDeadline) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(1));
            cancel();
            co_await sleep_for(milliseconds(2));
            EXPECT_EQ(ctx.err(), kCanceled);
        },
        20);
}

TEST_P(ContextTest, WithoutCancelKeepsValuesAndLosesCancelAndDeadline) {
    run(
        []() -> Task<void> {
            const auto [parent, cancel] = with_timeout(with_value<Name>(Context::background(), "ada"), milliseconds(1));
            const Context detached = without_cancel(parent);
            const auto [below, cancel_below] = with_cancel(detached);
            cancel(kReason);
            EXPECT_FALSE(is_done(detached));
            EXPECT_EQ(detached.err(), std::error_code());
            EXPECT_EQ(detached.cause(), std::error_code());
            EXPECT_EQ(detached.deadline(), std::nullopt);
            EXPECT_EQ(*detached.value<Name>(), "ada");
            EXPECT_FALSE(is_done(below));
            EXPECT_EQ(below.deadline(), std::nullopt);
            cancel_below();
            EXPECT_TRUE(is_done(below));
            co_return;
        },
        1);
}

// Err is empty exactly as long as done() is not ready, and a child made beside a cancel hears of it.
TEST_P(ContextTest, ErrAndDoneChangeTogetherUnderARacingCancel) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(2000); ++round) {
            const auto [ctx, cancel] = with_cancel(Context::background());
            WaitGroup wg;
            wg.go([stop = cancel]() -> Task<void> {
                stop(kReason);
                co_return;
            });
            wg.go([mine = ctx]() -> Task<void> {
                for (int look = 0; look < 20; ++look) {
                    if (mine.err()) {
                        EXPECT_TRUE(is_done(mine)) << "err() told of a cancel before done()";
                    }
                    if (is_done(mine)) {
                        EXPECT_EQ(mine.err(), kCanceled);
                        EXPECT_EQ(mine.cause(), kReason);
                    }
                }
                co_return;
            });
            const auto [child, cancel_child] = with_timeout(ctx, hours(1));
            co_await select(child.done());
            EXPECT_EQ(child.cause(), kReason);
            co_await wg.wait();
        }
    });
}

// Go's TestCauseRace and XTestSimultaneousCancels: whoever cancels first, everybody agrees on the cause.
TEST_P(ContextTest, RacingCancelsAgreeOnOneCause) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(500); ++round) {
            const auto [ctx, cancel] = with_timeout(Context::background(), microseconds(round % 50));
            std::vector<CancelableContext> children;
            for (int i = 0; i < 4; ++i) {
                children.push_back(with_cancel_cause(ctx));
            }
            WaitGroup wg;
            for (const std::error_code& reason : {kReason, kOtherReason}) {
                wg.go([stop = cancel, reason]() -> Task<void> {
                    stop(reason);
                    co_return;
                });
            }
            wg.go([child = children.back()]() -> Task<void> {
                child.cancel(std::make_error_code(std::errc::timed_out));
                co_return;
            });
            co_await select(ctx.done());
            const std::error_code cause = ctx.cause();
            co_await wg.wait();
            EXPECT_TRUE(cause == kReason || cause == kOtherReason || cause == kDeadline);
            EXPECT_EQ(ctx.cause(), cause);
            children.pop_back();
            for (const CancelableContext& child : children) {
                co_await select(child.ctx.done());
                EXPECT_EQ(child.ctx.cause(), cause);
            }
        }
    });
}

TEST_P(ContextTest, AfterFuncRunsInATaskOfItsOwnOnceCancelled) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel(Context::background());
            const Channel<int> called(1);
            auto stop = after_func(ctx, [called]() -> Task<void> { co_await called.send(1); });
            EXPECT_EQ(called.size(), 0U);
            cancel();
            cancel();
            const auto value = co_await called.recv();
            EXPECT_EQ(value, 1);
            EXPECT_FALSE(stop());
            co_await until([] { return task_count() == 1; });
            EXPECT_EQ(called.size(), 0U);
        },
        100);
}

TEST_P(ContextTest, AfterFuncIsCalledThoughItsStopWasDropped) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel(Context::background());
            const Channel<int> called(2);
            std::ignore = after_func(ctx, [called]() -> Task<void> { co_await called.send(1); });
            const Context below = with_value<Number>(ctx, 1);
            std::ignore = after_func(below, [called]() -> Task<void> { co_await called.send(2); });
            cancel();
            int sum = 0;
            for (int i = 0; i < 2; ++i) {
                const auto s = co_await select(called.recv_case(), after(hours(1)));
                EXPECT_EQ(s.index(), 0U);
                sum += s.index() == 0 ? 1 : 0;
            }
            EXPECT_EQ(sum, 2);
            co_await until([] { return task_count() == 1; });
        },
        50);
}

TEST_P(ContextTest, AfterFuncOfACancelledContextRunsAtOnce) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel(Context::background());
            cancel();
            const Channel<int> called(0);
            auto stop = after_func(ctx, [called]() -> Task<void> { co_await called.send(1); });
            EXPECT_FALSE(stop());
            const auto value = co_await called.recv();
            EXPECT_EQ(value, 1);
            co_await until([] { return task_count() == 1; });
        },
        50);
}

TEST_P(ContextTest, AfterFuncRunsAfterATimeout) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(1));
            const Channel<int> called(0);
            auto stop = after_func(ctx, [called]() -> Task<void> { co_await called.send(1); });
            const auto value = co_await called.recv();
            EXPECT_EQ(value, 1);
            EXPECT_FALSE(stop());
            co_await until([] { return task_count() == 1; });
        },
        50);
}

TEST_P(ContextTest, AfterFuncIsNotCalledAfterStop) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel(Context::background());
            auto stop = after_func(ctx, []() -> Task<void> {
                ADD_FAILURE() << "called after stop";
                co_return;
            });
            EXPECT_TRUE(stop());
            EXPECT_FALSE(stop());
            cancel();
            co_await sleep_for(milliseconds(1));
        },
        20);
}

TEST_P(ContextTest, StopAndCancelAgreeOnWhetherTheFunctionRuns) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(500); ++round) {
            const auto [ctx, cancel] = with_cancel(Context::background());
            const Channel<int> called(1);
            auto stop = after_func(ctx, [called]() -> Task<void> { co_await called.send(1); });
            go([cancel_it = cancel]() -> Task<void> {
                cancel_it();
                co_return;
            });
            if (round % 2 != 0) {
                co_await yield();
            }
            const bool prevented = stop();
            co_await select(ctx.done());
            co_await until([] { return task_count() == 1; });
            EXPECT_EQ(called.size(), prevented ? 0U : 1U);
        }
    });
}

TEST(Context, BackgroundIsNeverCancelled) {
    const Context ctx = Context::background();
    EXPECT_FALSE(is_done(ctx));
    EXPECT_EQ(ctx.err(), std::error_code());
    EXPECT_EQ(ctx.cause(), std::error_code());
    EXPECT_EQ(ctx.deadline(), std::nullopt);
    EXPECT_EQ(ctx.value<Name>(), nullptr);
}

TEST(Context, AValueIsLookedUpTowardsTheRoot) {
    const Context named = with_value<Name>(Context::background(), "ada");
    const Context numbered = with_value<Number>(named, 7);
    const Context renamed = with_value<Name>(with_cancel(numbered).ctx, "grace");
    EXPECT_EQ(*numbered.value<Name>(), "ada");
    EXPECT_EQ(named.value<Number>(), nullptr);
    EXPECT_EQ(*renamed.value<Name>(), "grace");
    EXPECT_EQ(*renamed.value<Number>(), 7);
    EXPECT_EQ(*named.value<Name>(), "ada");
}

TEST(Context, ErrorsHaveWords) {
    EXPECT_EQ(kCanceled.message(), "context canceled");
    EXPECT_EQ(kDeadline.message(), "context deadline exceeded");
    EXPECT_STREQ(kCanceled.category().name(), "context");
}

TEST(Context, ANilParentPanics) {
    const Context nil{nullptr};
    EXPECT_THROW(with_cancel(nil), Panic);
    EXPECT_THROW(with_cancel_cause(nil), Panic);
    EXPECT_THROW(with_timeout(nil, hours(1)), Panic);
    EXPECT_THROW(with_deadline(nil, TimePoint::max()), Panic);
    EXPECT_THROW(without_cancel(nil), Panic);
    EXPECT_THROW(with_value<Number>(nil, 1), Panic);
}

TEST(Context, MayOutliveItsScheduler) {
    std::vector<CancelableContext> kept;
    {
        Scheduler scheduler({.workers = 1});
        scheduler.run([](std::vector<CancelableContext>* out) -> Task<void> {
            out->push_back(with_timeout(Context::background(), hours(1)));
            out->push_back(with_timeout(Context::background(), milliseconds(1)));
            out->push_back(with_timeout(Context::background(), hours(1)));
            out->back().cancel();
            co_await select(out->at(1).ctx.done());
        }(&kept));
    }
    EXPECT_EQ(kept[0].ctx.err(), std::error_code());
    EXPECT_EQ(kept[1].ctx.err(), kDeadline);
    kept[0].cancel();
    EXPECT_EQ(kept[0].ctx.err(), kCanceled);
}

// What after_func holds must not hold its context, which holds it.
TEST(Context, AForgottenAfterFuncLeaksNothing) {
    const auto held = std::make_shared<int>(1);
    {
        const auto [ctx, cancel] = with_cancel(Context::background());
        std::ignore = after_func(ctx, [held]() -> Task<void> { co_return; });
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace mynah::conc
