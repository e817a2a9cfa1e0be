// Main ends while tasks are parked at every place where a task can park: they are destroyed there, nothing leaks,
// nothing is touched after it is gone, and abandoned() names them.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "conc/use_task.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// Everything that a task may be parked on. Counted, so it lives as long as whoever is parked.
struct Places {
    Channel<std::string> channel{0};
    Channel<std::string> nil;
    WaitGroup group;
    Once once;
    OnceValue<std::string> lazy{[]() -> Task<std::string> {
        co_await sleep_for(hours(1));
        co_return "never";
    }};
    Mutex mutex;
    CancelableContext context = with_cancel(Context::background());
};

using Body = std::move_only_function<Task<void>(std::shared_ptr<Places>)>;

struct Place {
    const char* name;
    const char* state;
    Body (*body)();
};

Task<void> receive(std::shared_ptr<Places> at) {
    co_await at->channel.recv();
}
Task<void> send(std::shared_ptr<Places> at) {
    co_await at->channel.send("a value that is too long for its object");
}
Task<void> receive_nil(std::shared_ptr<Places> at) {
    co_await at->nil.recv();
}
Task<void> send_nil(std::shared_ptr<Places> at) {
    co_await at->nil.send("a value that is too long for its object");
}
Task<void> select_any(std::shared_ptr<Places> at) {
    co_await select(at->channel.recv_case(), at->nil.send_case("a value that is too long for its object"),
                    at->context.ctx.done(), after(hours(1)));
}
Task<void> select_many(std::shared_ptr<Places> at) {
    std::vector<Case> cases;
    for (int i = 0; i < 40; ++i) {
        cases.emplace_back(at->channel.recv_case());
        cases.emplace_back(after(hours(i + 1)));
    }
    co_await select(std::span<Case>(cases));
}
Task<void> select_nothing(std::shared_ptr<Places> /*at*/) {
    co_await select();
}
Task<void> lock(std::shared_ptr<Places> at) {
    const auto first = co_await at->mutex.lock();
    const auto second = co_await at->mutex.lock();
}
Task<void> wait_for_group(std::shared_ptr<Places> at) {
    at->group.add(1);
    co_await at->group.wait();
}
Task<void> run_once(std::shared_ptr<Places> at) {
    const auto again = [&at]() -> Task<void> { co_await at->once.run([] {}); };
    co_await at->once.run(again);
}
Task<void> make_value(std::shared_ptr<Places> at) {
    co_await at->lazy.get();
}
Task<void> sleep(std::shared_ptr<Places> /*at*/) {
    co_await sleep_for(hours(1));
}
Task<void> block(std::shared_ptr<Places> at) {
    const auto call = [at] { std::this_thread::sleep_for(milliseconds(30)); };
    co_await blocking(call);
}
Task<void> await_asio(std::shared_ptr<Places> /*at*/) {
    asio::steady_timer timer(io_context(), hours(1));
    co_await timer.async_wait(use_task);
}

template <auto kFunction>
Body body() {
    return Body(kFunction);
}

const std::vector<Place> kPlaces = {
    {.name = "recv", .state = "chan receive", .body = body<receive>},
    {.name = "send", .state = "chan send", .body = body<send>},
    {.name = "recv_nil", .state = "chan receive (nil chan)", .body = body<receive_nil>},
    {.name = "send_nil", .state = "chan send (nil chan)", .body = body<send_nil>},
    {.name = "select", .state = "select", .body = body<select_any>},
    {.name = "select_many", .state = "select", .body = body<select_many>},
    {.name = "select_nothing", .state = "select (no cases)", .body = body<select_nothing>},
    {.name = "mutex", .state = "sync.Mutex.Lock", .body = body<lock>},
    {.name = "wait_group", .state = "sync.WaitGroup.Wait", .body = body<wait_for_group>},
    {.name = "once", .state = "sync.Once.Do", .body = body<run_once>},
    {.name = "once_value", .state = "sleep", .body = body<make_value>},
    {.name = "sleep", .state = "sleep", .body = body<sleep>},
    {.name = "blocking", .state = "blocking call", .body = body<block>},
    {.name = "asio", .state = "asio operation", .body = body<await_asio>},
};

Task<void> inside_of_another(Body* fn, std::shared_ptr<Places> at) {
    co_await (*fn)(std::move(at));
}

Task<void> abandon(Place place, std::shared_ptr<Places> at) {
    go([at, fn = place.body()]() mutable -> Task<void> { co_await inside_of_another(&fn, at); });
    co_await until_parked(place.state);
}

class AbandonedTest : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(, AbandonedTest, testing::ValuesIn(kPlaces),
                         [](const testing::TestParamInfo<Place>& place) { return std::string(place.param.name); });

TEST_P(AbandonedTest, ATaskIsDestroyedWhereItIsParked) {
    for (const std::size_t workers : {1U, 2U, 4U}) {
        const auto places = std::make_shared<Places>();
        Scheduler scheduler({.workers = workers});
        scheduler.run(abandon(GetParam(), places));
        ASSERT_EQ(scheduler.abandoned().size(), 1U);
        const TaskInfo& left = scheduler.abandoned().front();
        // A blocking call that has begun ends before its task is destroyed, so the task was about to go on.
        const bool about_to_go_on = std::string(GetParam().name) == "blocking" && left.state == "runnable";
        EXPECT_TRUE(about_to_go_on || left.state == GetParam().state) << left.state;
        EXPECT_GE(left.awaits.size(), 3U);
        EXPECT_NE(left.created_at.file.find("abandoned_test.cpp"), std::string::npos);
        EXPECT_EQ(scheduler.task_count(), 0U);
        EXPECT_EQ(places.use_count(), 1) << "the task's frames were not destroyed";
        // What it waited for is whole: the waiter has left.
        EXPECT_FALSE(places->channel.try_send("unwanted"));
        EXPECT_EQ(places->channel.try_recv().error(), RecvError::empty);
        places->channel.close();
        places->context.cancel();
    }
}

// Each at a place of its own, so that none is another's other side.
Task<void> abandon_all(std::vector<std::shared_ptr<Places>>* all) {
    for (const Place& place : kPlaces) {
        const auto& at = all->emplace_back(std::make_shared<Places>());
        go([at, fn = place.body()]() mutable -> Task<void> { co_await inside_of_another(&fn, at); });
    }
    co_await until_parked("asio operation");
    co_await until_parked("select", 2);
    co_await until_parked("sleep", 2);
}

TEST(Abandoned, TasksOfAllKindsTogether) {
    for (int round = 0; round < 20; ++round) {
        std::vector<std::shared_ptr<Places>> all;
        Scheduler scheduler({.workers = 4});
        scheduler.run(abandon_all(&all));
        EXPECT_EQ(scheduler.abandoned().size(), all.size());
        for (const auto& places : all) {
            EXPECT_EQ(places.use_count(), 1);
        }
    }
}

TEST(Abandoned, TasksThatNeverBeganAreFreed) {
    const auto held = std::make_shared<int>(1);
    Scheduler scheduler({.workers = 1});
    scheduler.run([](std::shared_ptr<int> argument) -> Task<void> {
        for (int i = 0; i < 1000; ++i) {
            go([argument](std::shared_ptr<int> /*more*/) -> Task<void> { co_return; }, argument);
        }
        co_return;
    }(held));
    EXPECT_EQ(scheduler.abandoned().size(), 1000U);
    EXPECT_EQ(held.use_count(), 1);
}

/// Calls something when it is destroyed.
class AtEnd {
  public:
    explicit AtEnd(std::function<void()> action) : action_(std::move(action)) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { action_(); }

  private:
    std::function<void()> action_;
};

// The destructors of one task close a channel that hundreds of others wait on, and those of a second one another: what
// they wake is destroyed as well, and never runs.
TEST(Abandoned, DestructorsMayWakeOtherAbandonedTasks) {
    constexpr std::size_t kTasks = 400;  // more than a worker's queue holds
    for (const std::size_t workers : {1U, 3U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            for (int group = 0; group < 4; ++group) {
                const Channel<int> ch(0);
                for (std::size_t i = 0; i < kTasks / 2; ++i) {
                    go([ch]() -> Task<void> {
                        co_await ch.recv();
                        ADD_FAILURE() << "ran after main had ended";
                    });
                }
                go([ch]() -> Task<void> {
                    const AtEnd close([ch] { ch.close(); });
                    co_await Channel<int>().recv();
                });
                for (std::size_t i = 0; i < kTasks / 2; ++i) {
                    go([ch]() -> Task<void> {
                        co_await select(ch.recv_case(), after(hours(1)));
                        ADD_FAILURE() << "ran after main had ended";
                    });
                }
            }
            co_await until_parked("select", 4 * kTasks / 2);
            co_await until_parked("chan receive", 4 * kTasks / 2);
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 4 * (kTasks + 1));
        EXPECT_EQ(scheduler.task_count(), 0U);
    }
}

TEST(Abandoned, DestructorsMayHandOnAMutex) {
    const auto mutex = std::make_shared<Mutex>();
    Scheduler scheduler({.workers = 2});
    scheduler.run([](std::shared_ptr<Mutex> shared) -> Task<void> {
        for (int i = 0; i < 500; ++i) {
            go([shared]() -> Task<void> {
                const auto guard = co_await shared->lock();
                co_await Channel<int>().recv();
            });
        }
        co_await until_parked("sync.Mutex.Lock", 499);
    }(mutex));
    EXPECT_TRUE(mutex->try_lock());
    EXPECT_EQ(mutex.use_count(), 1);
}

// Even a task that is started by a destructor of an abandoned one is found and destroyed.
TEST(Abandoned, DestructorsMayStartTasks) {
    const auto held = std::make_shared<int>(1);
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([](std::shared_ptr<int> argument) -> Task<void> {
            WaitGroup started;
            const auto leave = [argument](WaitGroup* group) -> Task<void> {
                const AtEnd start([argument] {
                    go([argument]() -> Task<void> {
                        ADD_FAILURE() << "ran after main had ended";
                        co_return;
                    });
                });
                group->done();
                co_await Channel<int>().recv();
            };
            for (int i = 0; i < 50; ++i) {
                started.add(1);
                go(leave, &started);
            }
            co_await started.wait();
            co_await until_parked("chan receive (nil chan)", 50);
        }(held));
        EXPECT_EQ(scheduler.task_count(), 0U);
        EXPECT_EQ(held.use_count(), 1);
        EXPECT_EQ(scheduler.run([]() -> Task<std::size_t> { co_return tasks().size(); }()), 1U);
    }
}

// A cancel in a destructor tells the functions that wait for it, which would run in tasks of their own.
TEST(Abandoned, DestructorsMayCancelContexts) {
    Scheduler scheduler({.workers = 4});
    scheduler.run([]() -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            go([]() -> Task<void> {
                const auto [ctx, cancel] = with_cancel(Context::background());
                const AtEnd end([stop = cancel] { stop(); });
                std::ignore = after_func(ctx, []() -> Task<void> {
                    ADD_FAILURE() << "ran after main had ended";
                    co_return;
                });
                co_await Channel<int>().recv();
            });
        }
        co_await until_parked("chan receive (nil chan)", 20);
    }());
    EXPECT_EQ(scheduler.task_count(), 0U);
}

// Main's own objects are gone when the tasks that wait on them are destroyed.
TEST(Abandoned, WhatATaskWaitsForMayBeGoneBeforeIt) {
    for (const std::size_t workers : {1U, 4U}) {
        Scheduler scheduler({.workers = workers});
        scheduler.run([]() -> Task<void> {
            const auto nested = []() -> Task<void> {
                Mutex mutex;
                EXPECT_TRUE(mutex.try_lock());
                WaitGroup group;
                group.add(1);
                for (int i = 0; i < 5; ++i) {
                    go([&mutex]() -> Task<void> { const auto mine = co_await mutex.lock(); });
                    go([&group]() -> Task<void> { co_await group.wait(); });
                }
                co_await until_parked("sync.Mutex.Lock", 5);
                co_await until_parked("sync.WaitGroup.Wait", 5);
                throw Panic("leaves in a hurry");
            };
            bool gone = false;
            try {
                co_await nested();
            } catch (const Panic&) {
                gone = true;  // its frame, with the mutex and the group
            }
            EXPECT_TRUE(gone);
        }());
        EXPECT_EQ(scheduler.abandoned().size(), 10U);
    }
}

// A task may refer to the frame of the one that started it: what was started goes first, however deep.
TEST(Abandoned, WhatATaskStartedIsDestroyedBeforeIt) {
    for (const std::size_t workers : {1U, 4U}) {
        std::vector<std::string> destroyed;
        const std::function<Task<void>(int, std::vector<std::string>*)> descend =
            [&](int depth, std::vector<std::string>* of_parent) -> Task<void> {
            std::vector<std::string> mine;
            const AtEnd end([&] {
                EXPECT_EQ(mine.size(), depth == 0 ? 0U : 1U) << "depth " << depth;
                of_parent->push_back("child");
                destroyed.push_back(std::to_string(depth));
            });
            if (depth > 0) {
                go(descend, depth - 1, &mine);
            }
            co_await Channel<int>().recv();
        };
        std::vector<std::string> of_main;
        Scheduler scheduler({.workers = workers});
        scheduler.run([](auto* start, std::vector<std::string>* children) -> Task<void> {
            go(*start, 5, children);
            co_await until_parked("chan receive (nil chan)", 6);
        }(&descend, &of_main));
        EXPECT_EQ(destroyed, (std::vector<std::string>{"0", "1", "2", "3", "4", "5"}));
    }
}

}  // namespace
}  // namespace mynah::conc
