// The sections of conc/FOR_GO_PROGRAMMERS.md on what is in Go's sync package, errgroup and semaphore.
#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/guide/guide.hpp"

namespace guide {
namespace {

using namespace mynah::conc;

TEST(Guide, WaitGroups) {
    run([]() -> Task<> {
        std::atomic<int> sum = 0;
        WaitGroup wg;
        for (int i = 1; i <= 3; ++i) {
            wg.go([&sum, i]() -> Task<> {
                co_await yield();
                sum += i;
            });
        }
        co_await wg.wait();

        EXPECT_EQ(sum, 6);
    });
}

TEST(Guide, AMutex) {
    run([]() -> Task<> {
        Mutex mutex;
        int count = 0;
        WaitGroup wg;
        for (int i = 0; i < 3; ++i) {
            wg.go([&]() -> Task<> {
                const auto guard = co_await mutex.lock();
                ++count;
            });  // the guard unlocks
        }
        co_await wg.wait();

        EXPECT_EQ(count, 3);
    });
}

TEST(Guide, AnRWMutex) {
    run([]() -> Task<> {
        RWMutex mutex;
        std::map<std::string, int> ages;
        {
            const auto guard = co_await mutex.lock();
            ages["ada"] = 36;
        }
        int age = 0;
        {
            const auto guard = co_await mutex.lock_shared();
            age = ages.at("ada");
        }

        EXPECT_EQ(age, 36);
    });
}

TEST(Guide, ACond) {
    run([]() -> Task<> {
        Mutex mutex;
        Cond cond(mutex);
        std::deque<int> queue;
        WaitGroup wg;
        wg.go([&]() -> Task<> {
            const auto guard = co_await mutex.lock();
            queue.push_back(5);
            cond.signal();
        });
        auto guard = co_await mutex.lock();
        while (queue.empty()) {
            co_await cond.wait(guard);
        }
        const int front = queue.front();
        guard.unlock();
        co_await wg.wait();

        EXPECT_EQ(front, 5);
    });
}

TEST(Guide, OnceAndOnceValue) {
    run([]() -> Task<> {
        int connections = 0;
        int loads = 0;
        Once once;
        const auto connect = [&connections] { ++connections; };
        co_await once.run(connect);
        co_await once.run(connect);  // does nothing
        OnceValue<std::string> config([&loads]() -> Task<std::string> {
            ++loads;
            co_await yield();  // it may wait: other callers wait for it, and block no worker
            co_return "from the file";
        });
        const std::string& text = co_await config.get();
        const std::string& same = co_await config.get();

        EXPECT_EQ(connections, 1);
        EXPECT_EQ(loads, 1);
        EXPECT_EQ(text, "from the file");
        EXPECT_EQ(&text, &same);
    });
}

TEST(Guide, SyncMapIsConcurrentMap) {
    run([]() -> Task<> {
        ConcurrentMap<std::string, int> map;
        map.store("a", 1);
        const std::optional<int> found = map.load("a");
        const auto [actual, loaded] = map.load_or_store("a", 2);  // 1, true
        const bool swapped = map.compare_and_swap("a", 1, 3);
        int sum = 0;
        map.range([&sum](const std::string& /*key*/, int value) {
            sum += value;
            return true;  // go on
        });
        const std::optional<int> gone = map.load_and_delete("a");

        EXPECT_EQ(found, 1);
        EXPECT_EQ(actual, 1);
        EXPECT_TRUE(loaded);
        EXPECT_TRUE(swapped);
        EXPECT_EQ(sum, 3);
        EXPECT_EQ(gone, 3);
        EXPECT_EQ(map.size(), 0U);
        co_return;
    });
}

Task<std::error_code> fetch(Context ctx, int page) {
    if (page == 2) {
        co_return std::make_error_code(std::errc::io_error);
    }
    co_await select(ctx.done());  // the first failure cancels the others
    co_return ctx.err();
}

TEST(Guide, AnErrgroupIsATaskGroup) {
    run([]() -> Task<> {
        const Context ctx = Context::background();
        TaskGroup group(ctx);
        for (int page = 1; page <= 3; ++page) {
            group.go(fetch, group.context(), page);
        }
        const std::error_code error = co_await group.wait();  // the first one

        EXPECT_EQ(error, std::errc::io_error);
    });
}

TEST(Guide, ATaskGroupThatIsAlwaysJoined) {
    run([]() -> Task<> {
        const auto body = [](TaskGroup* group) -> Task<> {
            group->go(fetch, group->context(), 1);
            group->go(fetch, group->context(), 2);
            co_return;  // or an exception: the tasks are waited for on every way out
        };
        const std::error_code error = co_await with_task_group(Context::background(), body);

        EXPECT_EQ(error, std::errc::io_error);
    });
}

struct Permits {
    Semaphore& semaphore;
    ~Permits() { semaphore.release(); }
};

Task<std::error_code> work(Context ctx, Semaphore* semaphore) {
    const auto s = co_await select(semaphore->acquire_case(), ctx.done());
    if (s.index() == 1) {
        co_return ctx.err();
    }
    const Permits permits{*semaphore};  // like defer sem.Release(1)
    co_await yield();
    co_return std::error_code();
}

TEST(Guide, ASemaphore) {
    run([]() -> Task<> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        Semaphore semaphore(1);
        const std::error_code done = co_await work(ctx, &semaphore);
        const bool taken = semaphore.try_acquire();
        cancel();
        const std::error_code canceled = co_await work(ctx, &semaphore);
        semaphore.release();

        EXPECT_FALSE(done);
        EXPECT_TRUE(taken);
        EXPECT_EQ(canceled, ContextError::canceled);
    });
}

}  // namespace
}  // namespace guide
