#include "conc/task_info.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;

class TaskInfoTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(TaskInfoTest);

Task<void> inner_wait(Channel<int> ch) {
    co_await ch.recv();
}

Task<void> middle_wait(Channel<int> ch) {
    co_await inner_wait(ch);
}

Task<void> outer_wait(Channel<int> ch) {
    co_await middle_wait(ch);
}

TEST_P(TaskInfoTest, ShowsStateChainAndOrigin) {
    run(
        []() -> Task<void> {
            const Channel<int> ch(0);
            go(outer_wait, ch);
            co_await until_parked("chan receive");
            const std::vector<TaskInfo> all = tasks();
            EXPECT_EQ(all.size(), 2U);
            const TaskInfo& main = all.front();
            EXPECT_EQ(main.id, 1U);
            EXPECT_EQ(main.state, "running");
            EXPECT_EQ(main.creator, 0U);
            const TaskInfo& waiting = all.back();
            EXPECT_EQ(waiting.state, "chan receive");
            EXPECT_EQ(waiting.creator, 1U);
            EXPECT_THAT(waiting.created_at.file, EndsWith("task_info_test.cpp"));
            EXPECT_EQ(waiting.awaits.size(), 3U);
            if (waiting.awaits.size() == 3) {
                EXPECT_THAT(waiting.awaits[0].function, HasSubstr("inner_wait"));
                EXPECT_THAT(waiting.awaits[1].function, HasSubstr("middle_wait"));
                EXPECT_THAT(waiting.awaits[2].function, HasSubstr("outer_wait"));
                EXPECT_LT(waiting.awaits[0].line, waiting.awaits[1].line);
                EXPECT_LT(waiting.awaits[1].line, waiting.awaits[2].line);
            }
            ch.close();
            co_await until([] { return task_count() == 1; });
        },
        20);
}

TEST_P(TaskInfoTest, NamesEveryKindOfWaitAsGoDoes) {
    run(
        []() -> Task<void> {
            const Channel<int> ch(0);
            const Channel<int> full(0);
            WaitGroup group;
            group.add(1);
            Once once;
            Mutex mutex;
            auto guard = co_await mutex.lock();
            WaitGroup all;
            all.go([&]() -> Task<void> { co_await ch.recv(); });
            all.go([&]() -> Task<void> { co_await full.send(1); });
            all.go([&]() -> Task<void> { co_await select(ch.recv_case()); });
            all.go([&]() -> Task<void> { co_await group.wait(); });
            all.go([&]() -> Task<void> { const auto mine = co_await mutex.lock(); });
            all.go([&]() -> Task<void> {
                const auto first = [&]() -> Task<void> { co_await ch.recv(); };
                co_await once.run(first);
            });
            co_await until_parked("chan receive", 2);
            all.go([&]() -> Task<void> { co_await once.run([] {}); });
            for (const char* state :
                 {"chan send", "select", "sync.WaitGroup.Wait", "sync.Mutex.Lock", "sync.Once.Do"}) {
                co_await until_parked(state);
            }
            ch.close();
            co_await full.recv();
            group.done();
            guard.unlock();
            co_await all.wait();
        },
        20);
}

TEST_P(TaskInfoTest, TellsHowLongATaskHasWaited) {
    run(
        []() -> Task<void> {
            const Channel<int> ch(0);
            WaitGroup wg;
            wg.go([&ch]() -> Task<void> { co_await ch.recv(); });
            co_await until_parked("chan receive");
            co_await sleep_for(milliseconds(4));
            EXPECT_GE(tasks().back().waiting, milliseconds(4));
            ch.close();
            co_await wg.wait();
        },
        10);
}

TEST(TaskInfo, TheDumpHasGosForm) {
    Scheduler scheduler({.workers = 1});
    const std::string dump = scheduler.run([]() -> Task<std::string> {
        const Channel<int> ch(0);
        go(outer_wait, ch);
        co_await until_parked("chan receive");
        std::ostringstream out;
        dump_tasks(out);
        co_return out.str();
    }());
    EXPECT_THAT(dump, ContainsRegex("^task 1 \\[running\\]:\n"));
    EXPECT_THAT(dump, ContainsRegex("\n\ntask 2 \\[chan receive\\]:\n"
                                    ".*inner_wait.*\n\t.*task_info_test.cpp:[0-9]+\n"
                                    ".*middle_wait.*\n\t.*task_info_test.cpp:[0-9]+\n"
                                    ".*outer_wait.*\n\t.*task_info_test.cpp:[0-9]+\n"
                                    "created by .* in task 1\n\t.*task_info_test.cpp:[0-9]+\n\n$"));
}

TEST(TaskInfo, MinutesOfWaitingShowInTheDump) {
    test::run_task({.workers = 1, .seed = 1}, []() -> Task<void> {
        const Channel<int> ch(0);
        go([ch]() -> Task<void> { co_await ch.recv(); });
        co_await sleep_for(std::chrono::minutes(7));
        std::ostringstream out;
        dump_tasks(out);
        EXPECT_THAT(out.str(), HasSubstr("[chan receive, 7 minutes]"));
        ch.close();
        co_await until([] { return task_count() == 1; });
    }());
}

// While tasks come, wait, are woken and go on all workers, dumps from tasks and from a thread read consistent chains.
TEST(TaskInfo, DumpsAreTakenWhileTasksRun) {
    Scheduler scheduler({.workers = 4});
    internal::Atomic<bool> ended{false};
    std::thread reader([&] {
        while (!ended.load()) {
            std::ostringstream out;
            dump_tasks(scheduler, out);
            for (const TaskInfo& task : tasks(scheduler)) {
                EXPECT_NE(task.id, 0U);
            }
        }
    });
    scheduler.run([]() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        for (int i = 0; i < 8; ++i) {
            wg.go([ch]() -> Task<void> {
                for (int k = 0; k < 300; ++k) {
                    co_await select(ch.send_case(k), ch.recv_case());
                    co_await yield();
                }
                // Whoever is left alone with values to send finds receivers here.
                while (const auto value = co_await ch.recv()) {
                }
            });
        }
        for (int i = 0; i < 50; ++i) {
            EXPECT_GE(tasks().size(), 1U);
            co_await sleep_for(std::chrono::microseconds(20));
        }
        co_await until_parked("chan receive", 8);
        ch.close();
        co_await wg.wait();
        co_await until([] { return task_count() == 1; });
    }());
    ended.store(true);
    reader.join();
    EXPECT_TRUE(scheduler.abandoned().empty());
}

TEST(TaskInfo, ThereAreNoTasksOutsideOfAScheduler) {
    EXPECT_THROW(tasks(), Panic);
    EXPECT_EQ(task_count(), 0U);
    const Scheduler scheduler({.workers = 1});
    EXPECT_TRUE(tasks(scheduler).empty());
}

Task<void> dump_two_that_wait(std::string* json, std::string* folded) {
    const Channel<int> ch(0);
    go(outer_wait, ch);
    go(outer_wait, ch);
    co_await until_parked("chan receive", 2);
    std::ostringstream as_json;
    dump_tasks(as_json, DumpFormat::json);
    *json = as_json.str();
    std::ostringstream as_folded;
    dump_tasks(as_folded, DumpFormat::folded);
    *folded = as_folded.str();
    ch.close();
    co_await until([] { return task_count() == 1; });
}

TEST_P(TaskInfoTest, JsonHoldsWhatTasksTells) {
    run(
        []() -> Task<void> {
            std::string json;
            std::string folded;
            co_await dump_two_that_wait(&json, &folded);
            const auto dump = nlohmann::json::parse(json);
            EXPECT_EQ(dump["version"], 1);
            EXPECT_EQ(dump["tasks"].size(), 3U);
            const auto& waiting = dump["tasks"].back();
            EXPECT_EQ(waiting["state"], "chan receive");
            EXPECT_EQ(waiting["creator"], 1);
            EXPECT_EQ(waiting["awaits"].size(), 3U);
            EXPECT_GT(waiting["awaits"][0]["line"], 0);
            EXPECT_THAT(waiting["created_at"]["file"].get<std::string>(), EndsWith("task_info_test.cpp"));
        },
        1);
}

TEST_P(TaskInfoTest, FoldedStacksStandOutermostFirstWithTheirCount) {
    run(
        []() -> Task<void> {
            std::string json;
            std::string folded;
            co_await dump_two_that_wait(&json, &folded);
            EXPECT_THAT(folded, ContainsRegex("outer_wait[^;]*;[^;]*middle_wait[^;]*;[^;]*inner_wait[^;]*;"
                                              "\\[chan receive\\] 2\n"));
            EXPECT_THAT(folded, ContainsRegex("\\[running\\] 1\n"));
        },
        1);
}

/// Starts a task when it goes.
struct StartsAtTheEnd {
    StartsAtTheEnd(Channel<int> gate, WaitGroup& started) : gate_(std::move(gate)), started_(&started) {}
    StartsAtTheEnd(StartsAtTheEnd&& other) noexcept
        : gate_(std::move(other.gate_)), started_(std::exchange(other.started_, nullptr)) {}
    ~StartsAtTheEnd() {
        if (started_ != nullptr) {
            started_->go([](Channel<int> gate) -> Task<void> { co_await gate.recv(); }, gate_);
        }
    }

  private:
    Channel<int> gate_;
    WaitGroup* started_;
};

// What a closure's destructor does is done by its task.
TEST_P(TaskInfoTest, ATaskStartedByAClosuresDestructorHasThatTaskAsCreator) {
    run([]() -> Task<void> {
        const Channel<int> gate(0);
        WaitGroup started;
        WaitGroup wg;
        wg.go([last = StartsAtTheEnd(gate, started)]() -> Task<void> { co_return; });
        co_await wg.wait();
        co_await until_parked("chan receive");
        const auto all = tasks();
        const auto waiting = std::ranges::find(all, "chan receive", &TaskInfo::state);
        EXPECT_GT(waiting->creator, 1U);
        gate.close();
        co_await started.wait();
    });
}

TEST_P(TaskInfoTest, LargeClosuresAreListedToo) {
    run([]() -> Task<void> {
        const Channel<int> gate(0);
        WaitGroup wg;
        for (int i = 0; i < 3; ++i) {
            wg.go([](Channel<int> ch, std::array<char, 5000> /*large*/) -> Task<void> { co_await ch.recv(); }, gate,
                  std::array<char, 5000>{});
        }
        co_await until_parked("chan receive", 3);
        EXPECT_EQ(tasks().size(), 4U);
        gate.close();
        co_await wg.wait();
        EXPECT_EQ(tasks().size(), 1U);
    });
}

TEST_P(TaskInfoTest, ATaskBeforeItsFirstTurnIsRunnableAndHasNoChain) {
    run([]() -> Task<void> {
        WaitGroup wg;
        wg.go([]() -> Task<void> { co_return; });
        for (const TaskInfo& task : tasks()) {
            if (task.id != 1 && task.state == "runnable") {
                EXPECT_TRUE(task.awaits.empty());
                EXPECT_EQ(task.creator, 1U);
            }
        }
        co_await wg.wait();
    });
}

}  // namespace
}  // namespace mynah::conc
