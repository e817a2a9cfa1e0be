#include "conc/use_task.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <asio/async_result.hpp>
#include <asio/buffer.hpp>
#include <asio/connect_pipe.hpp>
#include <asio/error.hpp>
#include <asio/read.hpp>
#include <asio/readable_pipe.hpp>
#include <asio/steady_timer.hpp>
#include <asio/writable_pipe.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class UseTaskTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(UseTaskTest);

TEST_P(UseTaskTest, AwaitsATimer) {
    run(
        []() -> Task<void> {
            const auto start = Clock::now();
            asio::steady_timer timer(io_context(), milliseconds(2));
            const auto result = co_await timer.async_wait(use_task);
            EXPECT_TRUE(result.has_value());
            EXPECT_GE(Clock::now() - start, milliseconds(2));
        },
        5);
}

TEST_P(UseTaskTest, ComposedOperationsReturnTheirValue) {
    run(
        []() -> Task<void> {
            asio::readable_pipe in(io_context());
            asio::writable_pipe out(io_context());
            asio::connect_pipe(in, out);
            constexpr std::size_t kBytes = 300'000;  // more than a pipe holds
            const std::string sent(kBytes, 'x');
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                const auto written = co_await asio::async_write(out, asio::buffer(sent), use_task);
                EXPECT_EQ(written.value_or(0), kBytes);
                out.close();
            });
            std::string received(kBytes, ' ');
            const auto read = co_await asio::async_read(in, asio::buffer(received), use_task);
            EXPECT_EQ(read.value_or(0), kBytes);
            EXPECT_EQ(received, sent);
            std::array<char, 8> rest{};
            const auto end = co_await in.async_read_some(asio::buffer(rest), use_task);
            EXPECT_FALSE(end.has_value());
            EXPECT_EQ(end.error(), asio::error::eof);
            co_await wg.wait();
        },
        5);
}

TEST_P(UseTaskTest, ManyOperationsAtOnce) {
    run(
        [this]() -> Task<void> {
            WaitGroup wg;
            for (int i = 0; i < 20; ++i) {
                wg.go([turns = rounds(20) + 1, i]() -> Task<void> {
                    for (int turn = 0; turn < turns; ++turn) {
                        asio::steady_timer timer(io_context(), microseconds(i));
                        const auto result = co_await timer.async_wait(use_task);
                        EXPECT_TRUE(result.has_value());
                    }
                });
            }
            co_await wg.wait();
        },
        10);
}

TEST(UseTask, ACancelledOperationReturnsItsError) {
    on_real_workers([]() -> Task<void> {
        asio::steady_timer timer(io_context(), hours(1));
        WaitGroup wg;
        wg.go([&timer]() -> Task<void> {
            const auto result = co_await timer.async_wait(use_task);
            EXPECT_FALSE(result.has_value());
            EXPECT_EQ(result.error(), asio::error::operation_aborted);
        });
        co_await until_parked("asio operation");
        // A timer is used by one thread at a time, as Asio asks: the context's thread is idle now.
        timer.cancel();
        co_await wg.wait();
    });
}

TEST(UseTask, TheIoContextBelongsToARun) {
    EXPECT_THROW(io_context(), Panic);
    Scheduler scheduler({.workers = 1});
    for (int round = 0; round < 3; ++round) {
        scheduler.run([]() -> Task<void> {
            EXPECT_EQ(&io_context(), &io_context());
            asio::steady_timer timer(io_context(), microseconds(1));
            co_await timer.async_wait(use_task);
        }());
    }
}

TEST(UseTask, AHandlerThatNeverRunsIsDropped) {
    const auto held = std::make_shared<int>(1);
    Scheduler scheduler({.workers = 2});
    scheduler.run([](std::shared_ptr<int> argument) -> Task<void> {
        go([argument]() -> Task<void> {
            asio::steady_timer timer(io_context(), hours(1));
            co_await timer.async_wait(use_task);
            ADD_FAILURE() << "went on after main had ended";
        });
        co_await until_parked("asio operation");
    }(held));
    EXPECT_EQ(scheduler.abandoned().size(), 1U);
    EXPECT_EQ(held.use_count(), 1);
}

TEST_P(UseTaskTest, AnInitiationThatThrowsLeavesNothingBehind) {
    run([]() -> Task<void> {
        const auto refuse = [](auto /*handler*/) { throw std::runtime_error("not begun"); };
        EXPECT_THROW(co_await (asio::async_initiate<const use_task_t&, void(std::error_code)>(refuse, use_task)),
                     std::runtime_error);
        co_await sleep_for(milliseconds(1));  // nothing is thought to be under way outside
    });
}

}  // namespace
}  // namespace mynah::conc
