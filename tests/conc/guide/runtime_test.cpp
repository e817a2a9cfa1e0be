// The sections of conc/FOR_GO_PROGRAMMERS.md on the runtime: tasks left behind, blocking calls, simulations, and what
// differs from Go.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/leak_check.hpp"
#include "tests/conc/guide/guide.hpp"

namespace guide {
namespace {

using namespace mynah::conc;
using namespace std::chrono_literals;

Task<> until_a_task_receives() {
    const auto receives = [](const TaskInfo& task) { return task.state == "chan receive"; };
    while (std::ranges::none_of(tasks(), receives)) {
        co_await yield();
    }
}

TEST(Guide, WhatTheTasksAreDoing) {
    run([]() -> Task<> {
        const Channel<int> ch(0);
        go([ch]() -> Task<> { co_await ch.recv(); });
        co_await until_a_task_receives();
        std::ostringstream out;
        std::vector<std::string> waiting;
        const std::size_t living = task_count();
        for (const TaskInfo& task : tasks()) {
            if (task.state == "chan receive") {
                waiting.push_back(task.created_at.file + ':' + std::to_string(task.created_at.line));
            }
        }
        dump_tasks(out);  // every task, with its chain of awaits

        EXPECT_EQ(living, 2U);
        EXPECT_EQ(waiting.size(), 1U);
        EXPECT_NE(out.str().find("[chan receive]"), std::string::npos) << out.str();
        ch.close();  // the task ends
        while (task_count() > 1) {
            co_await yield();
        }
    });
}

Task<> leak() {
    const Channel<int> nobody_sends(0);
    go([nobody_sends]() -> Task<> { co_await nobody_sends.recv(); });
    co_await until_a_task_receives();
}

TEST(Guide, TasksThatWereLeftBehind) {
    std::ostringstream log;
    Scheduler scheduler({.workers = 2});
    scheduler.run(leak());
    for (const TaskInfo& task : scheduler.abandoned()) {
        log << "task " << task.id << " was left behind: " << task.state << '\n';
    }

    EXPECT_EQ(scheduler.abandoned().size(), 1U);
    EXPECT_NE(log.str().find("was left behind: chan receive"), std::string::npos) << log.str();
}

class Doubling : public LeakCheck {};

Task<> double_all(Receiver<int> in, Sender<int> out) {
    while (const auto value = co_await in.recv()) {
        co_await out.send(2 * *value);
    }
}

TEST_F(Doubling, EndsWithItsInput) {
    run([]() -> Task<> {
        const Channel<int> in(0);
        const Channel<int> out(0);
        go(double_all, in.receiver(), out.sender());
        co_await in.send(21);
        const auto doubled = co_await out.recv();
        EXPECT_EQ(doubled, 42);
        in.close();  // without this the test fails, and says where double_all waits
    }());
}

TEST(Guide, BlockingCalls) {
    run([]() -> Task<> {
        const std::string path = "/proc/self/comm";
        const auto read_line = [path] {
            std::ifstream file(path);
            std::string line;
            std::getline(file, line);
            return line;
        };
        const std::string line = co_await blocking(read_line);

        EXPECT_FALSE(line.empty());
    });
}

Task<> race(std::string* story) {
    WaitGroup wg;
    for (const char name : {'a', 'b', 'c', 'd'}) {
        wg.go([story, name]() -> Task<> {
            co_await sleep_for(1h);
            *story += name;
        });
    }
    co_await wg.wait();
}

TEST(Guide, SimulatedRuns) {
    const auto tell = [](std::uint64_t seed) {
        std::string story;
        Scheduler scheduler({.workers = 4, .seed = seed});
        scheduler.run(race(&story));
        return story;
    };
    EXPECT_EQ(tell(1), tell(1));
    EXPECT_EQ(tell(1).size(), 4U);
    std::set<std::string> stories;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        stories.insert(tell(seed));
    }
    EXPECT_GT(stories.size(), 1U);
}

TEST(Guide, ALongComputationMakesWay) {
    Scheduler scheduler({.workers = 1});
    bool other_ran = false;
    scheduler.run([](bool* ran) -> Task<> {
        go([ran]() -> Task<> {
            *ran = true;
            co_return;
        });
        const bool stop = false;
        for (int i = 0; i < 1'000'000 && !stop; ++i) {
            if (i % 10'000 == 0) {
                co_await yield();
            }
        }
    }(&other_ran));

    EXPECT_TRUE(other_ran);
}

TEST(Guide, PanicsAreExceptions) {
    run([]() -> Task<> {
        const Channel<int> ch(0);
        std::string recovered;
        try {
            ch.close();
            ch.close();
        } catch (const Panic& panic) {
            recovered = panic.what();
        }

        EXPECT_EQ(recovered, "close of closed channel");
        co_return;
    });
}

Task<> add_one(std::reference_wrapper<int> counter) {
    ++counter.get();
    co_return;
}

TEST(Guide, ArgumentsAreCopiedAndReferencesAreAskedFor) {
    run([]() -> Task<> {
        int counter = 0;
        WaitGroup wg;
        wg.go(add_one, std::ref(counter));  // counter outlives the task: it is waited for below
        co_await wg.wait();

        EXPECT_EQ(counter, 1);
    });
}

Task<int> parse(std::string text) {
    if (text.empty()) {
        throw std::invalid_argument("nothing to parse");
    }
    co_return std::stoi(text);
}

TEST(Guide, WaitingAfterACatch) {
    run([]() -> Task<> {
        const Channel<std::string> errors(1);
        std::string failure;
        try {
            co_await parse("");
        } catch (const std::invalid_argument& error) {
            failure = error.what();
        }
        if (!failure.empty()) {
            co_await errors.send(failure);
        }

        const auto told = co_await errors.recv();
        EXPECT_EQ(told, "nothing to parse");
    });
}

TEST(Guide, ResultsAreNamedBeforeTheyAreTested) {
    run([]() -> Task<> {
        int calls = 0;
        const auto ready = [&calls]() -> Task<bool> {
            ++calls;
            co_return true;
        };
        const bool is_ready = co_await ready();
        if (is_ready) {
            ++calls;
        }

        EXPECT_EQ(calls, 2);
    });
}

}  // namespace
}  // namespace guide
