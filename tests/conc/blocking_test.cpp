#include "conc/blocking.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class BlockingTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(BlockingTest);

TEST_P(BlockingTest, ReturnsWhatTheFunctionReturns) {
    run(
        []() -> Task<void> {
            const int value = co_await blocking([] { return 4; });
            EXPECT_EQ(value, 4);
            const auto make = [] { return std::make_unique<int>(5); };
            const auto owner = co_await blocking(make);
            EXPECT_EQ(*owner, 5);
            bool ran = false;
            const auto note = [&ran] { ran = true; };
            co_await blocking(note);
            EXPECT_TRUE(ran);
        },
        50);
}

TEST_P(BlockingTest, RunsOnAThreadBesideTheWorkers) {
    run(
        []() -> Task<void> {
            const auto inside = co_await blocking([] { return EventSource::current() == nullptr; });
            EXPECT_TRUE(inside);
            EXPECT_NE(EventSource::current(), nullptr);
        },
        5);
}

TEST_P(BlockingTest, AnExceptionReachesWhoAwaits) {
    run(
        []() -> Task<void> {
            std::string message;
            try {
                co_await blocking([]() -> int { throw std::runtime_error("blocked"); });
            } catch (const std::runtime_error& error) {
                message = error.what();
            }
            EXPECT_EQ(message, "blocked");
        },
        20);
}

TEST_P(BlockingTest, ManyCallsAndTimersMix) {
    run(
        [this]() -> Task<void> {
            WaitGroup wg;
            for (int i = 0; i < 8; ++i) {
                wg.go([i, calls = rounds(200) + 2]() -> Task<void> {
                    for (int k = 0; k < calls; ++k) {
                        const auto square = [k] { return k * k; };
                        const int value = co_await blocking(square);
                        EXPECT_EQ(value, k * k);
                        co_await sleep_for(microseconds(i * 3));
                    }
                });
            }
            co_await wg.wait();
        },
        100);
}

// The calls have the whole pool busy, and more wait for it; the workers run other tasks meanwhile. In a simulation time
// stands still during a call.
TEST(Blocking, KeepsNoWorkerFromOtherTasks) {
    on_real_workers([]() -> Task<void> {
        internal::Atomic<bool> release{false};
        WaitGroup wg;
        for (int i = 0; i < 6; ++i) {
            wg.go([&release]() -> Task<void> {
                const auto hold = [&release] {
                    while (!release.load()) {
                        std::this_thread::yield();
                    }
                };
                co_await blocking(hold);
            });
        }
        co_await until_parked("blocking call", 6);
        for (int i = 0; i < 10; ++i) {
            co_await yield();
        }
        release.store(true);
        co_await wg.wait();
    });
}

// run() returns only after the call: what it refers to may be main's.
TEST(Blocking, RunWaitsForTheCallUnderWay) {
    internal::Atomic<bool> ended{false};
    Scheduler scheduler({.workers = 1});
    scheduler.run([](internal::Atomic<bool>* flag) -> Task<void> {
        internal::Atomic<bool> begun{false};
        go([flag, &begun]() -> Task<void> {
            const auto call = [flag, &begun] {
                begun.store(true);
                std::this_thread::sleep_for(milliseconds(5));
                flag->store(true);
            };
            co_await blocking(call);
        });
        const auto has_begun = [&begun] { return begun.load(); };
        co_await until(has_begun);
    }(&ended));
    EXPECT_TRUE(ended.load());
    EXPECT_EQ(scheduler.abandoned().size(), 1U);
}

TEST(Blocking, CallsThatHaveNotBegunWhenMainEndsAreDropped) {
    constexpr int kCalls = 1000;
    struct Shared {
        internal::Atomic<bool> main_ended{false};
        internal::Atomic<int> begun{0};
    };
    const auto shared = std::make_shared<Shared>();
    Scheduler scheduler({.workers = 1, .blocking_threads = 1});
    scheduler.run([](std::shared_ptr<Shared> state) -> Task<void> {
        for (int i = 0; i < kCalls; ++i) {
            go([state]() -> Task<void> {
                const auto call = [state] {
                    state->begun.fetch_add(1);
                    while (!state->main_ended.load()) {
                        std::this_thread::yield();
                    }
                    std::this_thread::sleep_for(milliseconds(1));  // all of them together would take a second
                };
                co_await blocking(call);
            });
        }
        co_await until_parked("blocking call", kCalls);
        state->main_ended.store(true);
    }(shared));
    EXPECT_LT(shared->begun.load(), kCalls);
    EXPECT_EQ(scheduler.abandoned().size(), static_cast<std::size_t>(kCalls));
    EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace mynah::conc
