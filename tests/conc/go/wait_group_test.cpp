// WaitGroup: Go's sync/waitgroup_test.go and what sync.WaitGroup promises.
#include <concepts>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "tests/conc/go/fixture.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;

class WaitGroupTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(WaitGroupTest);

Task<void> pass_two_barriers(WaitGroup* first, WaitGroup* second) {
    constexpr int kTasks = 16;
    first->add(kTasks);
    second->add(kTasks);
    const Channel<bool> exited(kTasks);
    for (int i = 0; i < kTasks; ++i) {
        go([=]() -> Task<void> {
            first->done();
            co_await second->wait();
            co_await exited.send(true);
        });
    }
    co_await first->wait();
    for (int i = 0; i < kTasks; ++i) {
        EXPECT_FALSE(exited.try_recv()) << "the second group let a task through too soon";
        second->done();
    }
    for (int i = 0; i < kTasks; ++i) {
        co_await exited.recv();
    }
}

// Go: sync/waitgroup_test.go TestWaitGroup. The groups are used again and again.
TEST_P(WaitGroupTest, WaitGroup) {
    run([]() -> Task<void> {
        WaitGroup first;
        WaitGroup second;
        for (int round = 0; round < 8; ++round) {
            co_await pass_two_barriers(&first, &second);
        }
    });
}

// Go: sync/waitgroup_test.go TestWaitGroupMisuse.
TEST_P(WaitGroupTest, WaitGroupMisuse) {
    run([]() -> Task<void> {
        WaitGroup wg;
        wg.add(1);
        wg.done();
        const auto once_more = [&wg]() -> Task<void> {
            wg.done();
            co_return;
        };
        const std::string panic = co_await panic_of(once_more());
        EXPECT_EQ(panic, "negative WaitGroup counter");
    });
}
static_assert(!std::copyable<WaitGroup> && !std::movable<WaitGroup>);

// Go: sync/waitgroup_test.go TestWaitGroupRace.
TEST_P(WaitGroupTest, WaitGroupRace) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(1000); ++round) {
            const auto wg = std::make_unique<WaitGroup>();
            Atomic<int> ran{0};
            for (int i = 0; i < 2; ++i) {
                wg->add(1);
                go([group = wg.get(), counter = &ran]() -> Task<void> {
                    counter->fetch_add(1);
                    group->done();
                    co_return;
                });
            }
            co_await wg->wait();
            EXPECT_EQ(ran.load(), 2) << "wait() returned too soon";
        }
    });
}

// Go: sync.WaitGroup, several waiters. The writes are plain: ThreadSanitizer tells where done() orders nothing.
TEST_P(WaitGroupTest, DoneSynchronizesBeforeEveryWait) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(100); ++round) {
            WaitGroup group;
            std::vector<int> written(10, 0);
            group.add(10);
            WaitGroup waiters;
            for (int i = 0; i < 5; ++i) {
                waiters.go([&]() -> Task<void> {
                    co_await group.wait();
                    EXPECT_EQ(written, std::vector<int>(10, 1));
                });
            }
            for (int& cell : written) {
                waiters.go([&]() -> Task<void> {
                    cell = 1;
                    group.done();
                    co_return;
                });
            }
            co_await waiters.wait();
        }
    });
}

// Go: sync.WaitGroup, a wait for nothing.
TEST_P(WaitGroupTest, WaitForNothingReturnsAtOnce) {
    run([]() -> Task<void> {
        WaitGroup wg;
        co_await wg.wait();
        co_await wg.wait();
        wg.add(3);
        wg.add(-3);
        co_await wg.wait();
        EXPECT_EQ(task_count(), 1U);
    });
}

}  // namespace
}  // namespace mynah::conc
