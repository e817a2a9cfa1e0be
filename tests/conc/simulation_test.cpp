// A seed makes a run repeat exactly, and different seeds make different runs.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;

/// A bit of everything, with each event written down in the order in which it happens.
class Story {
  public:
    std::string tell(std::uint64_t seed, std::size_t workers) {
        test::run_task({.workers = workers, .seed = seed}, scenario());
        return trace_.str();
    }

  private:
    void note(const char* what, std::size_t who, std::size_t value) {
        trace_ << now().time_since_epoch().count() << ' ' << what << who << ' ' << value << '\n';
    }

    Task<void> sender(std::size_t self, Channel<std::size_t> a, Channel<std::size_t> b, Context ctx) {
        for (std::size_t i = 0; i < 6; ++i) {
            const auto s = co_await select(a.send_case(i), b.send_case(i), after(microseconds(3)), ctx.done());
            note("sent", self, s.index());
            const auto guard = co_await mutex_.lock();
            note("locked", self, i);
            co_await sleep_for(microseconds(self));
        }
    }

    Task<void> receiver(std::size_t self, Channel<std::size_t> a, Channel<std::size_t> b) {
        for (;;) {
            auto s = co_await select(a.recv_case(), b.recv_case());
            note("received", self, s.index());
            if (s.get<0>() == std::nullopt && s.get<1>() == std::nullopt) {
                break;
            }
            co_await yield();
        }
    }

    Task<void> scenario() {
        const Channel<std::size_t> a(0);
        const Channel<std::size_t> b(1);
        const auto [ctx, cancel] = with_timeout(Context::background(), microseconds(20));
        WaitGroup senders;
        WaitGroup receivers;
        for (std::size_t i = 0; i < 4; ++i) {
            senders.go(&Story::sender, this, i, a, b, ctx);
            receivers.go(&Story::receiver, this, i, a, b);
        }
        co_await senders.wait();
        a.close();
        co_await receivers.wait();
        note("end", 0, task_count());
    }

    Mutex mutex_;
    std::ostringstream trace_;
};

TEST(Simulation, TheSameSeedTellsTheSameStoryTwice) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (const std::size_t workers : {1U, 2U, 4U}) {
            const std::string first = Story().tell(seed, workers);
            EXPECT_FALSE(first.empty());
            EXPECT_EQ(first, Story().tell(seed, workers)) << "seed " << seed << " on " << workers << " workers";
        }
    }
}

TEST(Simulation, DifferentSeedsTellDifferentStories) {
    std::set<std::string> stories;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        stories.insert(Story().tell(seed, 4));
    }
    EXPECT_GT(stories.size(), 90U);
}

// A scheduler that runs twice tells the same story twice: its choices, its tasks' ids and its clock begin anew.
TEST(Simulation, ASecondRunOfOneSchedulerRepeatsTheFirst) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Scheduler scheduler({.workers = 3, .seed = seed});
        const auto story = []() -> Task<std::string> {
            std::ostringstream trace;
            WaitGroup wg;
            for (int i = 0; i < 40; ++i) {
                wg.go([&trace, i]() -> Task<void> {
                    co_await sleep_for(microseconds(1));
                    co_await yield();
                    trace << i << ' ' << now().time_since_epoch().count() << '\n';
                });
            }
            for (const TaskInfo& task : tasks()) {
                trace << "task " << task.id << '\n';
            }
            co_await wg.wait();
            co_return trace.str();
        };
        const std::string first = scheduler.run(story());
        EXPECT_EQ(first, scheduler.run(story())) << "seed " << seed;
    }
}

// The simulated workers share their work as real ones do: what one has queued runs on the others too.
TEST(Simulation, IdleWorkersTakeWhatABusyOneQueued) {
    std::set<const EventSource*> homes;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Scheduler scheduler({.workers = 3, .seed = seed});
        scheduler.run([](std::set<const EventSource*>* seen) -> Task<void> {
            WaitGroup wg;
            for (int i = 0; i < 30; ++i) {
                wg.go([seen]() -> Task<void> {
                    seen->insert(EventSource::current());
                    co_return;
                });
            }
            co_await wg.wait();
        }(&homes));
        EXPECT_EQ(homes.size(), 3U) << "seed " << seed;
        homes.clear();
    }
}

// The time of a simulation waits for calls that are under way outside of it, and goes on after them.
TEST(Simulation, BlockingCallsAndVirtualTimeMix) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        test::run_task({.workers = 1 + seed % 3, .seed = seed}, []() -> Task<void> {
            const TimePoint start = now();
            WaitGroup wg;
            for (int i = 0; i < 3; ++i) {
                wg.go([]() -> Task<void> {
                    const int value = co_await blocking([] { return 5; });
                    EXPECT_EQ(value, 5);
                    co_await sleep_for(std::chrono::hours(1));
                    co_await blocking([] {});
                });
            }
            co_await wg.wait();
            EXPECT_GE(now() - start, std::chrono::hours(1));
        }());
    }
}

TEST(SimulationDeathTest, ADeadlockIsReported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(test::run_task({.workers = 3, .seed = 1}, []() -> Task<void> { co_await Channel<int>(0).recv(); }()),
                 "all tasks are asleep - deadlock");
}

}  // namespace
}  // namespace mynah::conc
