// Context: Go's context/context_test.go, and by behaviour the tests of later releases (TestCause, TestAfterFunc...).
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/context_state.hpp"  // IWYU pragma: keep
#include "conc/internal/random.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

const std::error_code kNone;
const std::error_code kCanceled = ContextError::canceled;
const std::error_code kExceeded = ContextError::deadline_exceeded;
const std::error_code kParentCause = std::make_error_code(std::errc::owner_dead);
const std::error_code kChildCause = std::make_error_code(std::errc::io_error);

struct Key1 {
    using value_type = std::string;
};
struct Key2 {  // stores the same type under another key
    using value_type = std::string;
};
struct Key3 {
    using value_type = std::size_t;
};

class ContextTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(ContextTest);

bool is_done(const Context& ctx) {
    return try_select(ctx.done()).index() == 0;
}

void expect_alive(const Context& ctx) {
    EXPECT_FALSE(is_done(ctx));
    EXPECT_EQ(ctx.err(), kNone);
    EXPECT_EQ(ctx.cause(), kNone);
}

void expect_over(const Context& ctx, std::error_code error, std::error_code cause) {
    EXPECT_TRUE(is_done(ctx));
    EXPECT_EQ(ctx.err(), error);
    EXPECT_EQ(ctx.cause(), cause);
}

// Go: context/context_test.go XTestBackground, XTestTODO.
TEST_P(ContextTest, Background) {
    run([]() -> Task<void> {
        const Context ctx = Context::background();
        expect_alive(ctx);
        EXPECT_EQ(ctx.deadline(), std::nullopt);
        EXPECT_EQ(ctx.value<Key1>(), nullptr);
        co_return;
    });
}

// Go: context/context_test.go XTestWithCancel. The cancel is everywhere when it returns.
TEST_P(ContextTest, WithCancel) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const auto [child, cancel_child] = with_cancel(ctx);
        expect_alive(ctx);
        expect_alive(child);
        cancel();
        expect_over(ctx, kCanceled, kCanceled);
        expect_over(child, kCanceled, kCanceled);
        cancel(kChildCause);
        expect_over(ctx, kCanceled, kCanceled);
        co_return;
    });
}

// Go: context/context_test.go XTestParentFinishesChild.
TEST_P(ContextTest, ParentFinishesChild) {
    run([]() -> Task<void> {
        const auto [parent, cancel] = with_cancel(Context::background());
        const auto [cancel_child, stop_first] = with_cancel(parent);
        const Context value_child = with_value<Key1>(parent, "value");
        const auto [timer_child, stop_second] = with_timeout(value_child, hours(1000));
        const std::vector<Context> all = {parent, cancel_child, value_child, timer_child};
        std::ranges::for_each(all, expect_alive);
        cancel();
        for (const Context& each : all) {
            expect_over(each, kCanceled, kCanceled);
        }
        expect_over(with_value<Key1>(parent, "late"), kCanceled, kCanceled);
        co_return;
    });
}

// Go: context/context_test.go XTestChildFinishesFirst.
TEST_P(ContextTest, ChildFinishesFirst) {
    run([]() -> Task<void> {
        const auto [cancelable, stop] = with_cancel(Context::background());
        for (const Context& parent : {Context::background(), cancelable}) {
            const auto [child, cancel] = with_cancel(parent);
            cancel(kChildCause);
            expect_over(child, kCanceled, kChildCause);
            expect_alive(parent);
        }
        co_return;
    });
}

Task<void> expect_deadline(Context ctx) {
    EXPECT_TRUE(ctx.deadline().has_value());
    const auto s = co_await select(ctx.done(), after(hours(1)));
    EXPECT_EQ(s.index(), 0U);
    EXPECT_GE(now(), ctx.deadline());
    expect_over(ctx, kExceeded, kExceeded);
}

// Go: context/context_test.go XTestDeadline.
TEST_P(ContextTest, Deadline) {
    run([]() -> Task<void> {
        const auto at = [](Duration from_now) { return with_deadline(Context::background(), now() + from_now).ctx; };
        co_await expect_deadline(at(milliseconds(1)));
        co_await expect_deadline(with_value<Key1>(at(milliseconds(1)), "below"));
        co_await expect_deadline(with_deadline(at(milliseconds(1)), now() + hours(1000)).ctx);
        co_await expect_deadline(with_deadline(at(hours(1000)), now() + milliseconds(1)).ctx);
        expect_over(at(-milliseconds(1)), kExceeded, kExceeded);
        expect_over(at(Duration::zero()), kExceeded, kExceeded);
    });
}

// Go: context/context_test.go XTestTimeout.
TEST_P(ContextTest, Timeout) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(1));
        const auto [child, cancel_child] = with_timeout(ctx, hours(1000));
        EXPECT_EQ(child.deadline(), ctx.deadline());
        co_await expect_deadline(child);
        expect_over(ctx, kExceeded, kExceeded);
    });
}

// Go: context/context_test.go XTestCanceledTimeout.
TEST_P(ContextTest, CanceledTimeout) {
    run([]() -> Task<void> {
        const auto [ctx, stop] = with_timeout(Context::background(), hours(1));
        const auto [child, cancel] = with_timeout(ctx, hours(1000));
        cancel();
        expect_over(child, kCanceled, kCanceled);
        expect_alive(ctx);
        co_return;
    });
}

// Go: context/context_test.go XTestValues, XTestWithValueChecksKey: a key is a type, so two never compare equal.
TEST_P(ContextTest, Values) {
    run([]() -> Task<void> {
        const Context first = with_value<Key1>(Context::background(), "one");
        const Context second = with_value<Key2>(first, "two");
        const Context third = with_value<Key3>(with_cancel(second).ctx, 3);
        const Context shadowed = with_value<Key1>(third, "");
        EXPECT_EQ(first.value<Key2>(), nullptr);
        EXPECT_EQ(*second.value<Key1>(), "one");
        EXPECT_EQ(*second.value<Key2>(), "two");
        EXPECT_EQ(second.value<Key3>(), nullptr);
        EXPECT_EQ(*third.value<Key1>(), "one");
        EXPECT_EQ(*third.value<Key3>(), 3U);
        EXPECT_EQ(*shadowed.value<Key1>(), "");
        EXPECT_EQ(*shadowed.value<Key2>(), "two");
        EXPECT_EQ(*third.value<Key1>(), "one");
        co_return;
    });
}

// Go: context/context_test.go XTestSimultaneousCancels. A tree whose nodes are all cancelled at once.
TEST_P(ContextTest, SimultaneousCancels) {
    run([]() -> Task<void> {
        std::vector<CancelableContext> tree = {with_cancel(Context::background())};
        for (std::size_t parent = 0; tree.size() < 100; ++parent) {
            for (int child = 0; child < 4; ++child) {
                tree.push_back(with_cancel(Context(tree[parent].ctx)));
            }
        }
        internal::Random random(1);
        for (std::size_t i = tree.size() - 1; i > 0; --i) {
            std::swap(tree[i], tree[random.below(static_cast<std::uint32_t>(i + 1))]);
        }
        WaitGroup wg;
        for (const CancelableContext& each : tree) {
            wg.go([cancel = each.cancel]() -> Task<void> {
                cancel();
                co_return;
            });
        }
        for (const CancelableContext& each : tree) {
            co_await select(each.ctx.done());
            EXPECT_EQ(each.ctx.err(), kCanceled);
        }
        co_await wg.wait();
    });
}

// Go: context/context_test.go XTestInterlockedCancels.
TEST_P(ContextTest, InterlockedCancels) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(200); ++round) {
            const auto [parent, cancel] = with_cancel(Context::background());
            const auto [child, cancel_child] = with_cancel(parent);
            go([above = parent, cancel_it = cancel_child]() -> Task<void> {
                co_await select(above.done());
                cancel_it();
            });
            cancel();
            co_await select(child.done());
            EXPECT_EQ(child.err(), kCanceled);
        }
    });
}

/// Thirty layers of random kinds; the innermost must see all values, and the end of any layer.
Task<void> layers(std::uint64_t seed, bool times_out) {
    internal::Random random(seed);
    Context ctx = Context::background();
    std::vector<CancelFunc> cancels;
    std::size_t last_value = 0;
    for (std::size_t layer = 1; layer <= 30 || cancels.empty(); ++layer) {
        const auto kind = random.below(3);
        if (kind == 0) {
            ctx = with_value<Key3>(with_value<Key1>(ctx, "layer"), layer);
            last_value = layer;
            continue;
        }
        auto made = kind == 1 ? with_cancel(ctx) : with_timeout(ctx, times_out ? Duration(milliseconds(1)) : hours(1));
        ctx = made.ctx;
        cancels.push_back(made.cancel);
    }
    ctx = with_timeout(ctx, times_out ? Duration(milliseconds(1)) : hours(1)).ctx;
    if (times_out) {
        co_await select(ctx.done());
        EXPECT_EQ(ctx.err(), kExceeded);
    } else {
        expect_alive(ctx);
        cancels[random.below(static_cast<std::uint32_t>(cancels.size()))]();
        expect_over(ctx, kCanceled, kCanceled);
    }
    const std::size_t* value = ctx.value<Key3>();
    EXPECT_EQ(value == nullptr ? 0 : *value, last_value);
}

// Go: context/context_test.go XTestLayersCancel.
TEST_P(ContextTest, LayersCancel) {
    run([]() -> Task<void> {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            co_await layers(seed, false);
        }
    });
}

// Go: context/context_test.go XTestLayersTimeout.
TEST_P(ContextTest, LayersTimeout) {
    run([]() -> Task<void> {
        WaitGroup wg;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            wg.go(layers, seed, true);
        }
        co_await wg.wait();
    });
}

// Go: context/context_test.go XTestCancelRemoves.
TEST_P(ContextTest, CancelRemoves) {
    run([]() -> Task<void> {
        const auto [parent, cancel] = with_cancel(Context::background());
        for (const bool times_out : {false, true}) {
            const auto make = [&, above = parent] {
                return times_out ? with_timeout(above, hours(1)) : with_cancel(above);
            };
            const auto linked = make();
            EXPECT_TRUE(parent.state()->forget(*linked.ctx.state())) << "it was not in its parent's list";
            const auto cancelled = make();
            cancelled.cancel();
            EXPECT_FALSE(parent.state()->forget(*cancelled.ctx.state())) << "it is still in its parent's list";
        }
        co_return;
    });
}

// Go: context/context_test.go XTestWithCancelCanceledParent.
TEST_P(ContextTest, WithCancelCanceledParent) {
    run([]() -> Task<void> {
        const auto [parent, cancel] = with_cancel_cause(Context::background());
        cancel(kParentCause);
        expect_over(with_cancel(parent).ctx, kCanceled, kParentCause);
        expect_over(with_timeout(parent, hours(1)).ctx, kCanceled, kParentCause);
        co_return;
    });
}

// Go: context/context_test.go XTestInvalidDerivedFail.
TEST_P(ContextTest, InvalidDerivedFail) {
    run([]() -> Task<void> {
        Context moved_from = Context::background();
        const Context taken = std::move(moved_from);
        const Context nil{nullptr};
        EXPECT_THROW(with_cancel(nil), Panic);
        EXPECT_THROW(with_deadline(nil, now() + milliseconds(1)), Panic);
        EXPECT_THROW(with_timeout(nil, milliseconds(1)), Panic);
        EXPECT_THROW(with_value<Key1>(nil, "bar"), Panic);
        EXPECT_THROW(without_cancel(nil), Panic);
        expect_alive(taken);
        co_return;
    });
}

// Go: context/context_test.go XTestCustomContextGoroutines. No context, and no cancel, costs a task.
TEST_P(ContextTest, ContextsCostNoTasks) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const auto [child, cancel_child] = with_timeout(with_value<Key1>(ctx, "x"), hours(1));
        const auto [below, cancel_below] = with_cancel(child);
        EXPECT_EQ(task_count(), 1U);
        cancel_below();
        cancel();
        EXPECT_EQ(task_count(), 1U);
        expect_over(with_cancel(below).ctx, kCanceled, kCanceled);
        EXPECT_EQ(task_count(), 1U);
        co_return;
    });
}

}  // namespace
}  // namespace mynah::conc
