#include "conc/event_source.hpp"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// What the sources of one scheduler were asked.
struct Calls {
    internal::Atomic<int> polls{0};
    internal::Atomic<int> wakes{0};
};

/// A source of events that a task parks on: whatever waits is completed at the next poll, as a driver would do.
class CountingSource final : public EventSource {
  public:
    explicit CountingSource(Calls* calls) : calls_(calls) {}

    void poll(std::optional<TimePoint> deadline) override {
        calls_->polls.fetch_add(1);
        if (waiting_.empty()) {
            sleeper_->poll(deadline);
            return;
        }
        for (internal::TaskRecord* task : std::exchange(waiting_, {})) {
            complete(*task);
        }
    }
    void wake() noexcept override {
        calls_->wakes.fetch_add(1);
        sleeper_->wake();
    }
    bool armed() const noexcept override { return !waiting_.empty(); }

    class Awaiter {
      public:
        explicit Awaiter(CountingSource* source) : source_(source) {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) {
            source_->waiting_.push_back(&internal::park(where, internal::WaitReason::io));
        }
        void await_resume() const noexcept { EXPECT_TRUE(source_->at_home()); }

      private:
        CountingSource* source_;
    };

    static Awaiter event() { return Awaiter(static_cast<CountingSource*>(current())); }

  private:
    Calls* calls_;
    std::vector<internal::TaskRecord*> waiting_;
    // Sleeps only while nothing waits. Its time is the steady clock's: no worker owns it.
    class Sleeper {
      public:
        void poll(std::optional<TimePoint> deadline) {
            while (!woken_.exchange(false) && (!deadline || Clock::now() < *deadline)) {
                std::this_thread::sleep_for(microseconds(100));
            }
        }
        void wake() noexcept { woken_.store(true); }

      private:
        internal::Atomic<bool> woken_{false};
    };
    std::unique_ptr<Sleeper> sleeper_ = std::make_unique<Sleeper>();
};

Options counted(std::size_t workers, Calls* calls) {
    return {.workers = workers, .event_source = [calls] { return std::make_unique<CountingSource>(calls); }};
}

TEST(EventSource, ACompletedTaskGoesOnAtHome) {
    for (const std::size_t workers : {1U, 2U, 4U}) {
        Calls calls;
        test::run_task(counted(workers, &calls), []() -> Task<void> {
            WaitGroup wg;
            for (int i = 0; i < 20; ++i) {
                wg.go([]() -> Task<void> {
                    for (int k = 0; k < 50; ++k) {
                        co_await CountingSource::event();
                        co_await yield();
                    }
                });
            }
            co_await wg.wait();
        }());
        EXPECT_GT(calls.polls.load(), 0);
    }
}

// A busy worker consults its source every so often: the task that waits for an event gets on beside tasks that yield.
TEST(EventSource, IsConsultedWhileTheQueueIsBusy) {
    Calls calls;
    test::run_task(counted(1, &calls), []() -> Task<void> {
        bool stop = false;
        WaitGroup wg;
        for (int i = 0; i < 3; ++i) {
            wg.go([&stop]() -> Task<void> {
                while (!stop) {
                    co_await yield();
                }
            });
        }
        for (int k = 0; k < 20; ++k) {
            co_await CountingSource::event();
        }
        stop = true;
        co_await wg.wait();
    }());
    EXPECT_GE(calls.polls.load(), 20);
}

// tokio 8065: the task woken last goes on where it was woken; that wakes no other worker.
TEST(EventSource, APingPongOnOneWorkerWakesNoOther) {
    Calls calls;
    constexpr int kRounds = 2000;
    test::run_task(counted(4, &calls), []() -> Task<void> {
        const Channel<int> ping(0);
        const Channel<int> pong(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            for (int i = 0; i < kRounds; ++i) {
                co_await ping.send(i);
                co_await pong.recv();
            }
        });
        wg.go([&]() -> Task<void> {
            for (int i = 0; i < kRounds; ++i) {
                co_await ping.recv();
                co_await pong.send(i);
            }
        });
        co_await wg.wait();
    }());
    EXPECT_LT(calls.wakes.load(), kRounds / 10);
}

TEST(EventSource, PostRunsWorkOnTheHomeWorker) {
    on_real_workers([]() -> Task<void> {
        WaitGroup wg;
        for (int i = 0; i < 100; ++i) {
            wg.go([]() -> Task<void> {
                EventSource* home = EventSource::current();
                co_await yield();
                const Channel<bool> result(1);
                home->post([home, result] { EXPECT_TRUE(result.try_send(home->at_home())); });
                const auto at_home = co_await result.recv();
                EXPECT_EQ(at_home, true);
            });
        }
        co_await wg.wait();
    });
}

TEST(EventSource, PostFromAThreadWakesASleepingWorker) {
    on_real_workers([]() -> Task<void> {
        const Channel<int> ch(1000);
        EventSource* home = EventSource::current();
        internal::Atomic<bool> started{false};
        std::thread poster([&] {
            for (int i = 0; i < 200; ++i) {
                home->post([ch, i] { EXPECT_TRUE(ch.try_send(i)); });
                started.store(true);
                if (i % 8 == 0) {
                    std::this_thread::sleep_for(microseconds(50));
                }
            }
        });
        for (int i = 0; i < 200; ++i) {
            // The timer tells the scheduler that something can still happen: it does not know this thread.
            auto s = co_await select(ch.recv_case(), after(std::chrono::hours(1)));
            EXPECT_EQ(s.get<0>(), i);
        }
        poster.join();
    });
}

TEST(EventSource, ThereIsNoneOutsideOfATask) {
    EXPECT_EQ(EventSource::current(), nullptr);
}

TEST(EventSource, ATaskThatWaitsForAnEventIsNoDeadlock) {
    Calls calls;
    test::run_task(counted(2, &calls), []() -> Task<void> {
        for (int i = 0; i < 100; ++i) {
            co_await CountingSource::event();
        }
    }());
}

// Two tasks that wake each other in turn take every place that the queue leaves: one that I/O completed gets on all the
// same, whichever parity of turns the worker's looks at its source fall on.
TEST(EventSource, ACompletedTaskIsNotHeldUpByAPingPong) {
    Calls calls;
    constexpr int kRounds = 200'000;
    const int rounds = test::run_task(counted(1, &calls), []() -> Task<int> {
        const Channel<int> ping(0);
        const Channel<int> pong(0);
        bool stop = false;
        int round = 0;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            for (; round < kRounds && !stop; ++round) {
                co_await ping.send(round);
                co_await pong.recv();
            }
            ping.close();
        });
        wg.go([&]() -> Task<void> {
            while (const auto value = co_await ping.recv()) {
                co_await pong.send(*value);
            }
        });
        for (int k = 0; k < 50; ++k) {
            co_await CountingSource::event();
        }
        stop = true;
        co_await wg.wait();
        co_return round;
    }());
    EXPECT_LT(rounds, 50 * 200) << "a look at the source every 61 turns, and a few turns in the queue";
}

}  // namespace
}  // namespace mynah::conc
