#include "net/signals.hpp"

#include <csignal>
#include <system_error>

#include <signal.h>

#include "conc/go.hpp"
#include "conc/scheduler.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/driver.hpp"
#include "net/result.hpp"
#include "tests/net/net_test.hpp"

namespace mynah::net::test {
namespace {

TEST(Signals, AreReceivedOneByOne) {
    auto body = []() -> conc::Task<> {
        SignalReceiver signals({SIGUSR1, SIGUSR2});
        // Before anybody waits, and while somebody does.
        std::raise(SIGUSR1);
        const Result<int> first = co_await signals.next();
        CO_ASSERT_TRUE(first);
        EXPECT_EQ(*first, SIGUSR1);
        conc::WaitGroup wait_group;
        auto wait = [&]() -> conc::Task<> {
            const Result<int> next = co_await signals.next();
            CO_ASSERT_TRUE(next);
            EXPECT_EQ(*next, SIGUSR2);
        };
        wait_group.go(wait);
        co_await conc::yield();
        std::raise(SIGUSR2);
        co_await wait_group.wait();
    };
    run_on(DriverKind::select, body());
}

TEST(Signals, ThreeOfOneKindAreThree) {
    auto body = []() -> conc::Task<> {
        SignalReceiver signals({SIGUSR1});
        for (int i = 0; i < 3; ++i) {
            std::raise(SIGUSR1);
        }
        for (int i = 0; i < 3; ++i) {
            const Result<int> next = co_await signals.next();
            EXPECT_EQ(next, SIGUSR1);
        }
    };
    run_on(DriverKind::select, body());
}

TEST(Signals, CancelEndsNext) {
    auto body = []() -> conc::Task<> {
        SignalReceiver signals({SIGUSR1});
        conc::WaitGroup wait_group;
        auto wait = [&]() -> conc::Task<> {
            const Result<int> next = co_await signals.next();
            CO_ASSERT_TRUE(!next);
            EXPECT_EQ(next.error(), std::errc::operation_canceled);
        };
        wait_group.go(wait);
        co_await conc::yield();
        signals.cancel();
        co_await wait_group.wait();
        const Result<int> after = co_await signals.next();
        CO_ASSERT_TRUE(!after);
        EXPECT_EQ(after.error(), std::errc::operation_canceled);
    };
    for (int i = 0; i < 50; ++i) {
        run_on(DriverKind::select, body(), 2);
    }
}

TEST(Signals, CanBeAskedForAgainInALaterRun) {
    auto body = []() -> conc::Task<> {
        SignalReceiver signals({SIGUSR1});
        std::raise(SIGUSR1);
        const Result<int> next = co_await signals.next();
        EXPECT_EQ(next, SIGUSR1);
    };
    run_on(DriverKind::select, body());
    run_on(DriverKind::poll, body());
}

TEST(Signals, ATaskThatWaitsForEverDoesNotHoldUpTheEnd) {
    auto wait = []() -> conc::Task<> {
        SignalReceiver signals({SIGUSR1});
        const Result<int> next = co_await signals.next();
        ADD_FAILURE() << "came to an end: " << next.has_value();
    };
    auto body = [&]() -> conc::Task<> {
        conc::go(wait);
        for (int i = 0; i < 3; ++i) {
            co_await conc::yield();
        }
    };
    conc::Scheduler scheduler({.workers = 1, .event_source = driver_factory(DriverKind::select)});
    scheduler.run(body());
    EXPECT_EQ(scheduler.abandoned().size(), 1U);
}

TEST(Signals, WhoSetsAnotherHandlerMeanwhileKeepsIt) {
    auto body = []() -> conc::Task<> {
        {
            const SignalReceiver signals({SIGUSR1});
            std::signal(SIGUSR1, SIG_IGN);
        }
        std::raise(SIGUSR1);
        co_return;
    };
    run_on(DriverKind::select, body());
    EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), SIG_IGN);
}

TEST(Signals, ABadNumberThrows) {
    auto body = []() -> conc::Task<> {
        EXPECT_THROW(SignalReceiver({SIGKILL}), std::system_error);
        co_return;
    };
    run_on(DriverKind::select, body());
}

}  // namespace
}  // namespace mynah::net::test
