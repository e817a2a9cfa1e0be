#include "conc/hog.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"

namespace mynah::conc {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;

using Flag = internal::Atomic<bool>;

/// Keeps its worker until somebody has seen that.
Task<void> hog(const Flag* seen) {
    co_await yield();
    while (!seen->load()) {
        std::this_thread::yield();
    }
}

Task<void> start_hog(const Flag* seen) {
    WaitGroup wg;
    wg.go(hog, seen);
    co_await wg.wait();
}

TEST(Hog, IsReportedWithItsPlaceWhileItStillRuns) {
    for (const std::size_t workers : {1U, 2U, 4U}) {
        Flag seen{false};
        Scheduler scheduler({.workers = workers, .hog_limit = milliseconds(2), .on_hog = [&seen](const Hog& report) {
                                 if (report.resumed_at.function.find("hog") != std::string::npos) {
                                     seen.store(true);
                                 }
                             }});
        scheduler.run(start_hog(&seen));  // ends only when the report was made
        EXPECT_GE(scheduler.hog_count(), 1U);
        const std::vector<Hog> all = scheduler.hogs();
        ASSERT_FALSE(all.empty());
        const Hog& last = all.back();
        EXPECT_GE(last.running, milliseconds(2));
        EXPECT_GT(last.task, 1U);
        EXPECT_THAT(last.resumed_at.function, HasSubstr("hog"));
        EXPECT_THAT(last.resumed_at.file, EndsWith("hog_test.cpp"));
        EXPECT_THAT(last.created_at.function, HasSubstr("start_hog"));
    }
}

Task<void> wait_idly() {
    co_await sleep_for(milliseconds(30));
}

TEST(Hog, WaitingTaskIsNone) {
    Scheduler scheduler({.workers = 2, .hog_limit = milliseconds(1)});
    scheduler.run(wait_idly());
    EXPECT_EQ(scheduler.hog_count(), 0U);
}

TEST(Hog, EachRunCountsItsOwn) {
    Flag seen{false};
    Scheduler scheduler(
        {.workers = 2, .hog_limit = milliseconds(2), .on_hog = [&seen](const Hog&) { seen.store(true); }});
    scheduler.run(start_hog(&seen));
    EXPECT_GE(scheduler.hog_count(), 1U);
    scheduler.run(wait_idly());
    EXPECT_EQ(scheduler.hog_count(), 0U);
}

// The queue behind a hog is not worth waking anybody for while tasks are short; but nobody stays behind it for long.
TEST(Sharing, WhatStandsBehindAHogIsTakenByAnotherWorker) {
    Scheduler scheduler({.workers = 2});
    scheduler.run([]() -> Task<void> {
        for (int round = 0; round < 20; ++round) {
            WaitGroup wg;
            const auto until = Clock::now() + milliseconds(3);  // short tasks only: waking has become too dear
            while (Clock::now() < until) {
                wg.go([]() -> Task<void> { co_return; });
                co_await wg.wait();
            }
            Flag ran{false};
            wg.go(
                [](Flag* flag) -> Task<void> {
                    flag->store(true);
                    co_return;
                },
                &ran);
            while (!ran.load()) {
                std::this_thread::yield();  // this worker cannot run it
            }
            co_await wg.wait();
        }
    }());
}

TEST(Hog, CanBeAskedForWhileRunsBeginAndEnd) {
    Scheduler scheduler({.workers = 2, .hog_limit = milliseconds(1)});
    Flag ended{false};
    std::thread reader([&] {
        while (!ended.load()) {
            EXPECT_LE(scheduler.hogs().size(), 64U);
            scheduler.hog_count();
        }
    });
    for (int round = 0; round < 50; ++round) {
        scheduler.run([]() -> Task<void> { co_await yield(); }());
    }
    ended.store(true);
    reader.join();
}

}  // namespace
}  // namespace mynah::conc
