#include "conc/resume_on.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class ResumeOnTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ResumeOnTest);

TEST_P(ResumeOnTest, TheTaskGoesOnOnTheWorkerThatOwnsTheSource) {
    run(
        []() -> Task<void> {
            EventSource* home = EventSource::current();
            WaitGroup wg;
            for (int i = 0; i < 20; ++i) {
                wg.go([home]() -> Task<void> {
                    for (int turn = 0; turn < 20; ++turn) {
                        co_await yield();
                        co_await resume_on(*home);
                        EXPECT_TRUE(home->at_home());
                    }
                });
            }
            co_await wg.wait();
        },
        100);
}

// The posted task is no lost one: nothing else wakes its worker.
TEST_P(ResumeOnTest, WakesASleepingWorker) {
    run(
        []() -> Task<void> {
            const Channel<EventSource*> homes(0);
            WaitGroup wg;
            wg.go([homes]() -> Task<void> {
                co_await sleep_for(std::chrono::microseconds(100));
                co_await homes.send(EventSource::current());
            });
            const auto other = co_await homes.recv();
            co_await wg.wait();
            for (int turn = 0; turn < 50; ++turn) {
                co_await resume_on(**other);
                EXPECT_TRUE((*other)->at_home());
                co_await sleep_for(std::chrono::microseconds(turn));
            }
        },
        50);
}

}  // namespace
}  // namespace mynah::conc
