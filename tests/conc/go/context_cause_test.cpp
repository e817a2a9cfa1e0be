// Contexts' causes, without_cancel and after_func: the tests of Go's context package since 1.20, by behaviour.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using std::chrono::hours;
using std::chrono::milliseconds;

const std::error_code kNone;
const std::error_code kCanceled = ContextError::canceled;
const std::error_code kExceeded = ContextError::deadline_exceeded;
const std::error_code kParentCause = std::make_error_code(std::errc::owner_dead);
const std::error_code kChildCause = std::make_error_code(std::errc::io_error);

struct Name {
    using value_type = std::string;
};

class ContextCauseTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(ContextCauseTest);

struct Row {
    std::string_view name;
    Context (*make)();
    std::error_code error;
    std::error_code cause;
};

Context canceled(std::error_code cause) {
    const auto [ctx, cancel] = with_cancel_cause(Context::background());
    cancel(cause);
    return ctx;
}

/// A child between whose cancel and its parent's somebody chooses.
Context parent_and_child(bool parent_first, bool value_between) {
    const auto [parent, cancel_parent] = with_cancel_cause(Context::background());
    const auto [child, cancel_child] =
        with_cancel_cause(value_between ? with_value<Name>(parent, "between") : Context(parent));
    if (parent_first) {
        cancel_parent(kParentCause);
    }
    cancel_child(kChildCause);
    cancel_parent(kParentCause);
    return child;
}

const std::vector<Row>& rows() {
    static const std::vector<Row> all = {
        {"background", [] { return Context::background(); }, kNone, kNone},
        {"with_cancel, alive", [] { return with_cancel(Context::background()).ctx; }, kNone, kNone},
        {"a cause that was given", [] { return canceled(kParentCause); }, kCanceled, kParentCause},
        {"no cause given", [] { return canceled({}); }, kCanceled, kCanceled},
        {"the parent first", [] { return parent_and_child(true, false); }, kCanceled, kParentCause},
        {"the child first", [] { return parent_and_child(false, false); }, kCanceled, kChildCause},
        {"the parent first, a value between", [] { return parent_and_child(true, true); }, kCanceled, kParentCause},
        {"the child first, a value between", [] { return parent_and_child(false, true); }, kCanceled, kChildCause},
        {"a parent without a cause", [] { return with_cancel(canceled({})).ctx; }, kCanceled, kCanceled},
        {"a value below", [] { return with_value<Name>(canceled(kChildCause), "x"); }, kCanceled, kChildCause},
        {"a timeout that has passed", [] { return with_timeout(Context::background(), Duration::zero()).ctx; },
         kExceeded, kExceeded},
        {"a timeout below a cancel", [] { return with_timeout(canceled(kParentCause), Duration::zero()).ctx; },
         kCanceled, kParentCause},
        {"a cancel below a timeout",
         [] { return with_cancel(with_timeout(Context::background(), Duration::zero()).ctx).ctx; }, kExceeded,
         kExceeded},
        {"without_cancel", [] { return without_cancel(canceled(kParentCause)); }, kNone, kNone},
    };
    return all;
}

// Go: context/x_test.go TestCause.
TEST_P(ContextCauseTest, Cause) {
    run([]() -> Task<void> {
        for (const Row& row : rows()) {
            SCOPED_TRACE(row.name);
            const Context ctx = row.make();
            EXPECT_EQ(ctx.err(), row.error);
            EXPECT_EQ(ctx.cause(), row.cause);
        }
        co_return;
    });
}

// Go: context/x_test.go TestCauseRace. Who sees an error sees its cause.
TEST_P(ContextCauseTest, CauseRace) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(500); ++round) {
            const auto [ctx, cancel] = with_cancel_cause(Context::background());
            WaitGroup wg;
            wg.go([cancel_it = cancel]() -> Task<void> {
                cancel_it(kParentCause);
                co_return;
            });
            while (!ctx.cause()) {
                EXPECT_TRUE(!ctx.err() || ctx.cause()) << "an error without a cause";
                co_await yield();
            }
            EXPECT_EQ(ctx.cause(), kParentCause);
            EXPECT_EQ(ctx.err(), kCanceled);
            co_await wg.wait();
        }
    });
}

// Go: context/x_test.go TestWithoutCancel.
TEST_P(ContextCauseTest, WithoutCancel) {
    run([]() -> Task<void> {
        const auto [parent, cancel] = with_timeout(with_value<Name>(Context::background(), "kept"), hours(1));
        const Context detached = without_cancel(parent);
        EXPECT_EQ(detached.deadline(), std::nullopt);
        cancel();
        EXPECT_EQ(try_select(detached.done()).index(), no_case);
        EXPECT_EQ(detached.err(), kNone);
        EXPECT_EQ(detached.cause(), kNone);
        EXPECT_EQ(*detached.value<Name>(), "kept");
        const auto [below, cancel_below] = with_cancel(detached);
        EXPECT_EQ(below.err(), kNone);
        cancel_below();
        EXPECT_EQ(below.err(), kCanceled);
        EXPECT_EQ(detached.err(), kNone);
        co_return;
    });
}

// Go: context/x_test.go TestAfterFuncCalledAfterCancel.
TEST_P(ContextCauseTest, AfterFuncCalledAfterCancel) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const Channel<Unit> done(2);
        auto stop = after_func(ctx, [done]() -> Task<void> { co_await done.send(Unit()); });
        co_await yield();
        EXPECT_EQ(done.size(), 0U) << "called before the cancel";
        cancel();
        cancel();
        co_await done.recv();
        EXPECT_FALSE(stop()) << "it has run";
        co_await until([] { return task_count() == 1; });
        EXPECT_EQ(done.size(), 0U) << "called twice";
    });
}

// Go: context/x_test.go TestAfterFuncCalledAfterTimeout.
TEST_P(ContextCauseTest, AfterFuncCalledAfterTimeout) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_timeout(Context::background(), milliseconds(1));
        const Channel<std::error_code> done(0);
        const auto report = [done, above = ctx]() -> Task<void> { co_await done.send(above.err()); };
        auto stop = after_func(ctx, report);
        const auto error = co_await done.recv();
        EXPECT_EQ(error, kExceeded);
        EXPECT_FALSE(stop());
    });
}

// Go: context/x_test.go TestAfterFuncCalledImmediately.
TEST_P(ContextCauseTest, AfterFuncCalledImmediately) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        cancel();
        const Channel<Unit> done(0);
        auto stop = after_func(ctx, [done]() -> Task<void> { co_await done.send(Unit()); });
        EXPECT_FALSE(stop());
        co_await done.recv();
    });
}

// Go: context/x_test.go TestAfterFuncNotCalledAfterStop.
TEST_P(ContextCauseTest, AfterFuncNotCalledAfterStop) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        Atomic<int> called{0};
        auto stop = after_func(ctx, [&called]() -> Task<void> {
            called.fetch_add(1);
            co_return;
        });
        EXPECT_TRUE(stop());
        EXPECT_FALSE(stop()) << "it prevented the run once already";
        cancel();
        EXPECT_EQ(task_count(), 1U) << "the function was started";
        EXPECT_EQ(called.load(), 0);
        co_return;
    });
}

// Go: context/x_test.go TestAfterFuncCalledAsynchronously. Cancel returns though the function waits for who cancels.
TEST_P(ContextCauseTest, AfterFuncCalledAsynchronously) {
    run([]() -> Task<void> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const Channel<Unit> rendezvous(0);
        auto stop = after_func(ctx, [rendezvous]() -> Task<void> { co_await rendezvous.send(Unit()); });
        cancel();
        EXPECT_FALSE(stop()) << "it was started";
        co_await until_parked("chan send");
        co_await rendezvous.recv();
    });
}

}  // namespace
}  // namespace mynah::conc
