#include "conc/internal/run_queue.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conc/internal/atomic.hpp"
#include "conc/internal/task_record.hpp"

namespace mynah::conc::internal {
namespace {

struct Record final : TaskRecord {
    PromiseBase& begin() override { throw std::logic_error("it is never run"); }
    AfterEnd on_finished() noexcept override { return {}; }
    Atomic<int> taken{0};
};

std::vector<std::unique_ptr<Record>> records(std::size_t count) {
    std::vector<std::unique_ptr<Record>> made;
    for (std::size_t i = 0; i < count; ++i) {
        made.push_back(std::make_unique<Record>());
    }
    return made;
}

TEST(TaskList, IsFirstInFirstOut) {
    const auto tasks = records(3);
    TaskList list;
    EXPECT_EQ(list.pop(), nullptr);
    for (const auto& task : tasks) {
        list.push(*task);
    }
    EXPECT_EQ(list.size(), 3U);
    for (const auto& task : tasks) {
        EXPECT_EQ(list.pop(), task.get());
    }
    EXPECT_TRUE(list.empty());
    list.push(*tasks[1]);
    EXPECT_EQ(list.pop(), tasks[1].get());
}

TEST(LocalQueue, IsFirstInFirstOutAndRefusesWhenFull) {
    const auto tasks = records(LocalQueue::kCapacity + 1);
    LocalQueue queue;
    for (int lap = 0; lap < 3; ++lap) {
        for (std::size_t i = 0; i < LocalQueue::kCapacity; ++i) {
            EXPECT_TRUE(queue.push(*tasks[i]));
        }
        EXPECT_FALSE(queue.push(*tasks.back()));
        for (std::size_t i = 0; i < LocalQueue::kCapacity; ++i) {
            EXPECT_EQ(queue.pop(), tasks[i].get());
        }
        EXPECT_EQ(queue.pop(), nullptr);
        EXPECT_TRUE(queue.empty());
    }
}

TEST(LocalQueue, AThiefTakesTheOlderHalf) {
    const auto tasks = records(7);
    LocalQueue owner;
    LocalQueue thief;
    EXPECT_EQ(owner.steal_into(thief), nullptr);
    for (const auto& task : tasks) {
        owner.push(*task);
    }
    EXPECT_EQ(owner.steal_into(thief), tasks[0].get());
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_EQ(thief.pop(), tasks[i].get());
    }
    EXPECT_EQ(thief.pop(), nullptr);
    for (std::size_t i = 4; i < 7; ++i) {
        EXPECT_EQ(owner.pop(), tasks[i].get());
    }
    owner.push(*tasks[0]);
    EXPECT_EQ(owner.steal_into(thief), tasks[0].get());
    EXPECT_TRUE(owner.empty() && thief.empty());
}

// crossbeam 726: one task popped twice. Every task is taken exactly once, by its owner or by one of the thieves.
TEST(LocalQueue, OwnerAndThievesTakeEachTaskOnce) {
    constexpr std::size_t kTasks = 200'000;
    constexpr int kThieves = 3;
    const auto tasks = records(kTasks);
    LocalQueue queue;
    Atomic<bool> filled{false};
    std::vector<std::thread> thieves;
    for (int i = 0; i < kThieves; ++i) {
        thieves.emplace_back([&] {
            LocalQueue own;
            while (!filled.load() || !queue.empty()) {
                for (TaskRecord* task = queue.steal_into(own); task != nullptr; task = own.pop()) {
                    static_cast<Record*>(task)->taken.fetch_add(1);
                }
            }
        });
    }
    for (std::size_t i = 0; i < kTasks; ++i) {
        while (!queue.push(*tasks[i])) {
            if (TaskRecord* task = queue.pop(); task != nullptr) {
                static_cast<Record*>(task)->taken.fetch_add(1);
            }
        }
        if (i % 3 == 0) {
            if (TaskRecord* task = queue.pop(); task != nullptr) {
                static_cast<Record*>(task)->taken.fetch_add(1);
            }
        }
    }
    filled.store(true);
    while (TaskRecord* task = queue.pop()) {
        static_cast<Record*>(task)->taken.fetch_add(1);
    }
    for (std::thread& thief : thieves) {
        thief.join();
    }
    std::size_t wrong = 0;
    for (const auto& task : tasks) {
        wrong += task->taken.load() == 1 ? 0U : 1U;
    }
    EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace mynah::conc::internal
