// Once and OnceValue: Go's sync/once_test.go and sync/oncefunc_test.go.
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class OnceTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(OnceTest);

// Go: sync/once_test.go TestOnce.
TEST_P(OnceTest, Once) {
    run([]() -> Task<void> {
        Once once;
        int count = 0;
        WaitGroup wg;
        for (int i = 0; i < 10; ++i) {
            wg.go([&]() -> Task<void> {
                const auto increment = [&count]() -> Task<void> {
                    co_await yield();
                    ++count;
                };
                co_await once.run(increment);
                EXPECT_EQ(count, 1) << "run() returned before the function had";
            });
        }
        co_await wg.wait();
        EXPECT_EQ(count, 1);
    });
}

// Go: sync/once_test.go TestOncePanic.
TEST_P(OnceTest, OncePanic) {
    run([]() -> Task<void> {
        Once once;
        const auto fail = [] { throw Panic("failed"); };
        const auto first_call = [](Once* to_run, auto fn) -> Task<void> { co_await to_run->run(fn); };
        const std::string panic = co_await panic_of(first_call(&once, fail));
        EXPECT_EQ(panic, "failed");
        EXPECT_TRUE(once.done());
        const auto again = [] { ADD_FAILURE() << "called twice"; };
        co_await once.run(again);
    });
}

// Go: sync.Once. Who comes second waits parked: on one worker it would hang otherwise.
TEST_P(OnceTest, LaterCallersWaitWithoutTheirWorker) {
    run([]() -> Task<void> {
        Once once;
        const Channel<Unit> gate(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            const auto slow = [&gate]() -> Task<void> { co_await gate.recv(); };
            co_await once.run(slow);
        });
        co_await until_parked("chan receive");
        for (int i = 0; i < 10; ++i) {
            wg.go([&once]() -> Task<void> {
                const auto again = [] { ADD_FAILURE() << "called twice"; };
                co_await once.run(again);
            });
        }
        co_await until_parked("sync.Once.Do", 10);
        co_await gate.send(Unit());
        co_await wg.wait();
    });
}

/// Calls get() from several tasks and expects the value that the first call made.
template <class T>
Task<void> expect_value(OnceValue<T>* lazy, T expected) {
    WaitGroup wg;
    for (int i = 0; i < 10; ++i) {
        wg.go([lazy, expected]() -> Task<void> {
            const T& value = co_await lazy->get();
            EXPECT_EQ(value, expected);
        });
    }
    co_await wg.wait();
}

// Go: sync/oncefunc_test.go TestOnceFunc.
TEST_P(OnceTest, OnceFunc) {
    run([]() -> Task<void> {
        int calls = 0;
        OnceValue<Unit> func([&calls]() -> Task<Unit> {
            ++calls;
            co_return Unit();
        });
        EXPECT_EQ(calls, 0);
        co_await expect_value(&func, Unit());
        EXPECT_EQ(calls, 1);
    });
}

// Go: sync/oncefunc_test.go TestOnceValue.
TEST_P(OnceTest, OnceValue) {
    run([]() -> Task<void> {
        int calls = 0;
        mynah::conc::OnceValue<int> lazy([&calls] { return ++calls; });
        co_await expect_value(&lazy, 1);
        EXPECT_EQ(calls, 1);
    });
}

// Go: sync/oncefunc_test.go TestOnceValues.
TEST_P(OnceTest, OnceValues) {
    run([]() -> Task<void> {
        int calls = 0;
        mynah::conc::OnceValue<std::pair<int, std::string>> lazy([&calls] {
            ++calls;
            return std::pair(calls, std::string("second"));
        });
        co_await expect_value(&lazy, std::pair(1, std::string("second")));
        EXPECT_EQ(calls, 1);
    });
}

/// Fails in its own way on each call, so that a second call shows.
template <class T>
Task<void> expect_the_same_panic() {
    int calls = 0;
    mynah::conc::OnceValue<T> lazy([&calls]() -> T { throw Panic("call " + std::to_string(++calls)); });
    const auto get = [&lazy]() -> Task<void> { co_await lazy.get(); };
    for (int i = 0; i < 3; ++i) {
        const std::string panic = co_await panic_of(get());
        EXPECT_EQ(panic, "call 1");
    }
    EXPECT_EQ(calls, 1);
}

// Go: sync/oncefunc_test.go TestOnceFuncPanic.
TEST_P(OnceTest, OnceFuncPanic) {
    run(expect_the_same_panic<Unit>);
}

// Go: sync/oncefunc_test.go TestOnceValuePanic.
TEST_P(OnceTest, OnceValuePanic) {
    run(expect_the_same_panic<int>);
}

// Go: sync/oncefunc_test.go TestOnceValuesPanic.
TEST_P(OnceTest, OnceValuesPanic) {
    run(expect_the_same_panic<std::tuple<int, std::string>>);
}

// Go: sync/oncefunc_test.go TestOnceXGC. What the function holds is released by the first call, also where it fails.
TEST_P(OnceTest, OnceXReleasesItsFunction) {
    run([]() -> Task<void> {
        const auto held = std::make_shared<int>(5);
        mynah::conc::OnceValue<int> works([held] { return *held; });
        mynah::conc::OnceValue<int> fails([held]() -> int { throw Panic("fails"); });
        EXPECT_EQ(held.use_count(), 3);
        co_await works.get();
        EXPECT_EQ(held.use_count(), 2);
        const auto get = [&fails]() -> Task<void> { co_await fails.get(); };
        const std::string panic = co_await panic_of(get());
        EXPECT_EQ(panic, "fails");
        EXPECT_EQ(held.use_count(), 1);
    });
}

}  // namespace
}  // namespace mynah::conc
