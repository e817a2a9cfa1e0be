#include "conc/task_group.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

std::error_code no_space() {
    return std::make_error_code(std::errc::no_space_on_device);
}

class TaskGroupTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(TaskGroupTest);

TEST_P(TaskGroupTest, WaitReturnsNoErrorOnceAllHaveSucceeded) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            internal::Atomic<int> sum{0};
            for (int i = 0; i < 10; ++i) {
                group.go([&, i]() -> Task<void> {
                    co_await yield();
                    sum.fetch_add(i);
                });
                const auto add = [&sum](int value) -> Task<std::error_code> {
                    sum.fetch_add(value);
                    co_return std::error_code();
                };
                group.go(add, i);
            }
            EXPECT_FALSE(group.context().err());
            const std::error_code error = co_await group.wait();
            EXPECT_FALSE(error);
            EXPECT_EQ(sum.load(), 90);
            EXPECT_EQ(group.context().err(), ContextError::canceled) << "what hangs on the context ends with the group";
        },
        100);
}

// errgroup's TestWithContext: the first error counts, and cancels the others.
TEST_P(TaskGroupTest, TheFirstErrorCancelsTheRestAndIsReturned) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            for (int i = 0; i < 5; ++i) {
                group.go([&]() -> Task<std::error_code> {
                    const Channel<int> nil;
                    const auto s = co_await select(nil.recv_case(), group.context().done());
                    EXPECT_EQ(s.index(), 1U);
                    EXPECT_EQ(group.context().cause(), no_space());
                    co_return std::make_error_code(std::errc::operation_canceled);
                });
            }
            co_await until_parked("select", 5);
            group.go([]() -> Task<std::error_code> { co_return no_space(); });
            const std::error_code error = co_await group.wait();
            EXPECT_EQ(error, no_space());
        },
        100);
}

TEST_P(TaskGroupTest, AnExceptionCancelsTheRestAndIsRethrown) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            group.go([&]() -> Task<void> {
                const Channel<int> nil;
                co_await select(nil.recv_case(), group.context().done());
            });
            group.go([]() -> Task<void> {
                throw std::runtime_error("out of luck");
                co_return;
            });
            std::string caught;
            try {
                co_await group.wait();
            } catch (const std::runtime_error& error) {
                caught = error.what();
            }
            EXPECT_EQ(caught, "out of luck");
        },
        100);
}

TEST_P(TaskGroupTest, ACancelledParentCancelsTheGroup) {
    run(
        []() -> Task<void> {
            const auto [ctx, cancel] = with_cancel(Context::background());
            TaskGroup group(ctx);
            group.go([&]() -> Task<void> {
                const Channel<int> nil;
                co_await select(nil.recv_case(), group.context().done());
            });
            cancel();
            const std::error_code error = co_await group.wait();
            EXPECT_FALSE(error);
        },
        50);
}

TEST_P(TaskGroupTest, WhatAMemberHeldIsGoneBeforeWaitReturns) {
    run(
        []() -> Task<void> {
            const auto held = std::make_shared<int>(1);
            TaskGroup group(Context::background());
            for (int i = 0; i < 8; ++i) {
                group.go([held]() -> Task<void> { co_await yield(); });
                group.go([](std::shared_ptr<int> /*argument*/) -> Task<std::error_code> { co_return no_space(); },
                         held);
            }
            const std::error_code error = co_await group.wait();
            EXPECT_EQ(error, no_space());
            EXPECT_EQ(held.use_count(), 1);
        },
        100);
}

// The scope joins on every way out of it: also where the body throws while its tasks refer to what is around them.
TEST_P(TaskGroupTest, AScopeJoinsOnEveryWayOut) {
    run(
        []() -> Task<void> {
            internal::Atomic<int> ended{0};
            const auto member = [&](TaskGroup* group) -> Task<void> {
                const Channel<int> nil;
                co_await select(nil.recv_case(), group->context().done());
                ended.fetch_add(1);
            };
            const auto throws = [&](TaskGroup* group) -> Task<void> {
                group->go(member, group);
                co_await until_parked("select");
                throw std::runtime_error("left early");
            };
            bool thrown = false;
            try {
                co_await with_task_group(Context::background(), throws);
            } catch (const std::runtime_error&) {
                thrown = true;
            }
            EXPECT_TRUE(thrown);
            EXPECT_EQ(ended.load(), 1);

            const auto fails = [&](TaskGroup* group) -> Task<std::error_code> {
                group->go(member, group);
                co_return no_space();
            };
            const std::error_code error = co_await with_task_group(Context::background(), fails);
            EXPECT_EQ(error, no_space());
            EXPECT_EQ(ended.load(), 2);
        },
        100);
}

// Members may refer to what the body captured: that lives until they have ended.
TEST_P(TaskGroupTest, TheBodysClosureOutlivesTheMembers) {
    run(
        []() -> Task<void> {
            auto held = std::make_shared<int>(7);
            const std::weak_ptr<int> watch = held;
            bool was_alive = false;
            auto body = [held = std::move(held), watch, &was_alive](TaskGroup* group) -> Task<void> {
                group->go([watch, &was_alive]() -> Task<void> {
                    co_await yield();
                    co_await yield();
                    was_alive = !watch.expired();
                });
                co_return;
            };
            co_await with_task_group(Context::background(), std::move(body));
            EXPECT_TRUE(was_alive);
            EXPECT_TRUE(watch.expired());
        },
        50);
}

TEST_P(TaskGroupTest, TheCodeOfASystemErrorIsTheCause) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            group.go([]() -> Task<void> {
                throw std::system_error(no_space());
                co_return;
            });
            std::error_code caught;
            try {
                co_await group.wait();
            } catch (const std::system_error& error) {
                caught = error.code();
            }
            EXPECT_EQ(caught, no_space());
            EXPECT_EQ(group.context().cause(), no_space());
        },
        50);
}

TEST(TaskGroup, ATaskThatIsAbandonedWithItsGroupIsNoError) {
    Scheduler scheduler({.workers = 2});
    scheduler.run([]() -> Task<void> {
        go([]() -> Task<void> {
            const auto waits = [](TaskGroup* group) -> Task<void> {
                for (int i = 0; i < 3; ++i) {
                    group->go([]() -> Task<void> { co_await Channel<int>().recv(); });
                }
                co_return;
            };
            co_await with_task_group(Context::background(), waits);
        });
        co_await until_parked("chan receive (nil chan)", 3);
    }());
    EXPECT_EQ(scheduler.abandoned().size(), 4U);
}

TEST_P(TaskGroupTest, OneOfSeveralFailuresAtOnceCountsAndAllEnd) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            internal::Atomic<int> ended{0};
            const auto fails = [&ended](int code) -> Task<std::error_code> {
                co_await yield();
                ended.fetch_add(1);
                co_return std::error_code(code, std::generic_category());
            };
            for (int i = 1; i <= 16; ++i) {
                group.go(fails, i);
            }
            const std::error_code error = co_await group.wait();
            EXPECT_GE(error.value(), 1);
            EXPECT_LE(error.value(), 16);
            EXPECT_EQ(group.context().cause(), error);
            EXPECT_EQ(ended.load(), 16);
        },
        100);
}

// Tasks that start after the first failure run all the same, and see the cancelled context.
TEST_P(TaskGroupTest, TasksMayStartWhileAnotherFails) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            internal::Atomic<int> ended{0};
            const auto starts = [&](int count) -> Task<void> {
                for (int i = 0; i < count; ++i) {
                    group.go([&]() -> Task<void> {
                        const Channel<int> nil;
                        co_await select(nil.recv_case(), group.context().done());
                        ended.fetch_add(1);
                    });
                    co_await yield();
                }
            };
            group.go(starts, 10);
            group.go([]() -> Task<std::error_code> {
                co_await yield();
                co_return no_space();
            });
            group.go(starts, 10);
            const std::error_code error = co_await group.wait();
            EXPECT_EQ(error, no_space());
            EXPECT_EQ(ended.load(), 20);
        },
        100);
}

TEST_P(TaskGroupTest, ATaskIsListedWithThePlaceOfItsStart) {
    run(
        []() -> Task<void> {
            TaskGroup group(Context::background());
            const auto stays = [&group](auto... /*arguments*/) -> Task<void> {
                const Channel<int> nil;
                co_await select(nil.recv_case(), group.context().done());
            };
            group.go(stays);
            group.go(stays, 1);
            group.go(stays, 1, 2);
            group.go(stays, 1, 2, 3);
            group.go(stays, 1, 2, 3, 4);
            co_await until_parked("select", 5);
            for (const TaskInfo& task : tasks()) {
                EXPECT_TRUE(task.id == 1 || task.created_at.file.ends_with("task_group_test.cpp"))
                    << task.created_at.file;
            }
            group.fail(no_space());
            co_await group.wait();
        },
        20);
}

TEST(TaskGroupDeathTest, AGroupThatIsDestroyedBeforeItWasWaitedForIsFatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto forget = [] {
        Scheduler({.workers = 1}).run([]() -> Task<void> {
            TaskGroup group(Context::background());
            group.go([]() -> Task<void> { co_return; });
            co_return;
        }());
    };
    EXPECT_DEATH(forget(), "fatal error: a TaskGroup was destroyed before its wait\\(\\) had returned");
}

TEST(TaskGroup, WithoutTasksNeedsNoWait) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const TaskGroup group(Context::background());
        co_return;
    }());
}

struct CannotBeCopied {
    CannotBeCopied() = default;
    CannotBeCopied(const CannotBeCopied&) { throw std::runtime_error("no copy today"); }
};

TEST(TaskGroup, AGroupThatCouldNotStartItsFirstTaskNeedsNoWait) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        TaskGroup group(Context::background());
        const CannotBeCopied argument;
        EXPECT_THROW(group.go([](const CannotBeCopied&) -> Task<void> { co_return; }, argument), std::runtime_error);
        co_return;
    }());
}

}  // namespace
}  // namespace mynah::conc
