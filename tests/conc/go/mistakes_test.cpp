// Mistakes that other schedulers and channels made; each test names the report.
#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class MistakesTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(MistakesTest);

// boost.cobalt 206: a value lost in a race over three channels.
TEST_P(MistakesTest, AThreeWayRaceLosesNoValue) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(500); ++round) {
            const std::array<Channel<int>, 3> ch{Channel<int>(0), Channel<int>(1), Channel<int>(0)};
            WaitGroup senders;
            for (std::size_t i = 0; i < ch.size(); ++i) {
                senders.go([to = ch[i], i]() -> Task<void> { co_await to.send(1 << i); });
            }
            int sum = 0;
            for (std::size_t i = 0; i < ch.size(); ++i) {
                auto s = co_await select(ch[0].recv_case(), ch[1].recv_case(), ch[2].recv_case());
                sum += s.get<0>().value_or(0) + s.get<1>().value_or(0) + s.get<2>().value_or(0);
            }
            EXPECT_EQ(sum, 7);
            co_await senders.wait();
        }
    });
}

/// Offers each value until it is taken, however often the offer is given up.
Task<void> offer_until_taken(Channel<std::size_t> ch, std::size_t first, std::size_t end) {
    for (std::size_t value = first; value < end;) {
        const auto s = co_await select(after(microseconds(1 + value % 7)), ch.send_case(value));
        value += s.index();
    }
}

// tokio 5947: a send that is given up drops its message, or has it delivered all the same.
TEST_P(MistakesTest, ACancelledSendNeitherDropsNorDelivers) {
    run([]() -> Task<void> {
        const auto each = static_cast<std::size_t>(scaled(300));
        const Channel<std::size_t> ch(0);
        WaitGroup senders;
        for (std::size_t peer = 0; peer < 4; ++peer) {
            senders.go(offer_until_taken, ch, peer * each, (peer + 1) * each);
        }
        std::vector<int> seen(4 * each, 0);
        for (std::size_t received = 0; received < seen.size();) {
            auto s = co_await select(ch.recv_case(), after(microseconds(1 + received % 5)));
            if (const auto value = s.get<0>(); value) {
                ++seen[*value];
                ++received;
            }
        }
        co_await senders.wait();
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
    });
}

// tokio 1788: a wake-up lost between a try that failed and the wait. The partner comes at every moment of it.
TEST_P(MistakesTest, NoWakeUpIsLostBetweenATryAndTheWait) {
    run([]() -> Task<void> {
        const Channel<int> there(0);
        const Channel<int> back(0);
        const int count = scaled(2000);
        WaitGroup wg;
        wg.go([=]() -> Task<void> {
            for (int i = 0; i < count; ++i) {
                if (!there.try_send(i)) {
                    co_await there.send(i);
                }
                const auto early = back.try_recv();
                const int got = early ? *early : -1;
                std::optional<int> late = got;
                if (got == -1) {
                    late = co_await back.recv();
                }
                EXPECT_EQ(late, i);
                if (i % 50 == 0) {
                    co_await sleep_for(microseconds(i % 40));
                }
            }
            there.close();
        });
        while (const auto value = co_await there.recv()) {
            if (*value % 70 == 0) {
                co_await sleep_for(microseconds(*value % 30));
            }
            if (!back.try_send(*value)) {
                co_await back.send(*value);
            }
        }
        co_await wg.wait();
    });
}

/// Two tasks that do nothing but wake each other, until `stop`.
void start_ping_pong(WaitGroup& wg, Atomic<bool>* stop) {
    const Channel<bool> ball(0);
    wg.go([ball, stop]() -> Task<void> {
        while (!stop->load()) {
            co_await ball.send(true);
        }
        ball.close();
    });
    wg.go([ball]() -> Task<void> {
        while (const auto value = co_await ball.recv()) {
        }
    });
}

// tokio 4941: the slot of the task that was woken last starves the queue. All workers play ping-pong here.
TEST_P(MistakesTest, TheLastWokenTaskDoesNotStarveTheQueue) {
    run([this]() -> Task<void> {
        Atomic<bool> stop{false};
        WaitGroup players;
        for (std::size_t i = 0; i < workers() + 1; ++i) {
            start_ping_pong(players, &stop);
        }
        WaitGroup others;
        for (int i = 0; i < 20; ++i) {
            others.go([]() -> Task<void> {
                for (int turn = 0; turn < 10; ++turn) {
                    co_await yield();
                }
            });
        }
        co_await others.wait();
        stop.store(true);
        co_await players.wait();
    });
}

/// The processor time that this process has used.
Duration processor_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& t) { return std::chrono::seconds(t.tv_sec) + microseconds(t.tv_usec); };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

// tokio 8065, golang 57070: a channel that is used now and then keeps workers awake that have nothing to do.
TEST_P(MistakesTest, ATrickleOfWakeUpsKeepsNoWorkerSpinning) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        wg.go([ch]() -> Task<void> {
            while (const auto value = co_await ch.recv()) {
            }
        });
        const Duration used_before = processor_time();
        const TimePoint start = now();
        for (int i = 0; i < 20; ++i) {
            co_await sleep_for(milliseconds(5));
            co_await ch.send(i);
        }
        const std::chrono::duration<double> used = processor_time() - used_before;
        const std::chrono::duration<double> passed = now() - start;
        EXPECT_LT(used / passed, 0.5) << "one worker that spins uses 1";
        ch.close();
        co_await wg.wait();
    });
}

Task<void> run_branch(WaitGroup* wg, std::vector<Atomic<int>>* runs, std::size_t node) {
    (*runs)[node].fetch_add(1);
    for (const std::size_t child : {2 * node + 1, 2 * node + 2}) {
        if (child < runs->size()) {
            wg->go(run_branch, wg, runs, child);
        }
    }
    co_return;
}

// crossbeam 726: a deque gives one task to two workers. Each task of a tree runs exactly once.
TEST_P(MistakesTest, NoTaskIsTakenTwice) {
    run([]() -> Task<void> {
        std::vector<Atomic<int>> runs(static_cast<std::size_t>(scaled(20'000)));
        WaitGroup wg;
        wg.go(run_branch, &wg, &runs, 0);
        co_await wg.wait();
        for (std::size_t node = 0; node < runs.size(); ++node) {
            EXPECT_EQ(runs[node].load(), 1) << "task " << node;
        }
    });
}

// A closed channel that select never reports as ready, whether it was closed before, beside or after the select began.
TEST_P(MistakesTest, SelectReportsAClosedChannel) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(300); ++round) {
            const Channel<int> ch(static_cast<std::size_t>(round % 2));
            const Channel<int> quiet(0);
            WaitGroup wg;
            for (int i = 0; i < 3; ++i) {
                wg.go([=]() -> Task<void> {
                    auto s = co_await select(quiet.recv_case(), ch.recv_case(), after(hours(1)));
                    EXPECT_EQ(s.index(), 1U);
                    EXPECT_EQ(s.get<1>(), std::nullopt);
                });
            }
            if (round % 3 == 0) {
                co_await yield();
            }
            ch.close();
            co_await wg.wait();
            EXPECT_EQ(try_select(quiet.recv_case(), ch.recv_case()).index(), 1U);
        }
    });
}

// libcoro 360: a shutdown that hangs, with tasks that run, wait and sleep, and workers that do.
TEST_P(MistakesTest, ShutdownDoesNotHang) {
    repeat([this] {
        for (int round = 0; round < 20; ++round) {
            Scheduler scheduler({.workers = workers()});
            scheduler.run([](int turns) -> Task<void> {
                const Channel<int> ch(0);
                for (int i = 0; i < 5; ++i) {
                    go([ch]() -> Task<void> {
                        for (;;) {
                            co_await select(ch.send_case(1), after(microseconds(5)));
                            co_await yield();
                        }
                    });
                    go([ch]() -> Task<void> {
                        while (const auto value = co_await ch.recv()) {
                        }
                    });
                    go([]() -> Task<void> { co_await sleep_for(hours(1)); });
                }
                for (int i = 0; i < turns; ++i) {
                    co_await yield();
                }
            }(round % 7));
            EXPECT_EQ(scheduler.abandoned().size(), 15U);
        }
    });
}

// stdexec 1731: the last done() touches a WaitGroup that its waiter has destroyed. AddressSanitizer sees it.
TEST_P(MistakesTest, AWaitGroupMayGoWhenWaitReturns) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(1000); ++round) {
            auto wg = std::make_unique<WaitGroup>();
            Atomic<int> ended{0};
            wg->add(2);
            for (int i = 0; i < 2; ++i) {
                go([group = wg.get(), counter = &ended]() -> Task<void> {
                    counter->fetch_add(1);
                    group->done();
                    co_return;
                });
            }
            co_await wg->wait();
            wg.reset();
            EXPECT_EQ(ended.load(), 2);
        }
    });
}

/// A poller that takes its time: what waits on it is completed at the third look.
class SlowSource final : public EventSource {
  public:
    void poll(std::optional<TimePoint> deadline) override {
        if (waiting_.empty()) {
            while (!woken_.exchange(false) && (!deadline || Clock::now() < *deadline)) {
                std::this_thread::sleep_for(microseconds(20));
            }
        } else if (++looks_ % 3 == 0) {
            for (internal::TaskRecord* task : std::exchange(waiting_, {})) {
                complete(*task);
            }
        }
    }
    void wake() noexcept override { woken_.store(true); }
    bool armed() const noexcept override { return !waiting_.empty(); }

    struct Awaiter {
        SlowSource* source;
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> where) {
            source->waiting_.push_back(&internal::park(where, internal::WaitReason::io));
        }
        void await_resume() const noexcept {}
    };

    static Awaiter event() { return Awaiter{static_cast<SlowSource*>(current())}; }

  private:
    std::vector<internal::TaskRecord*> waiting_;
    int looks_ = 0;
    Atomic<bool> woken_{false};
};

// golang 61454: "all asleep" is reported while the poller still has somebody who waits.
TEST_P(MistakesTest, WhoWaitsOnThePollerIsNoDeadlock) {
    repeat([this] {
        Options options{.workers = workers()};
        options.event_source = [] { return std::make_unique<SlowSource>(); };
        const int events = test::run_task(std::move(options), []() -> Task<int> {
            int seen = 0;
            for (; seen < 50; ++seen) {
                co_await SlowSource::event();
            }
            co_return seen;
        }());
        EXPECT_EQ(events, 50);
    });
}

// golang 45867: an idle worker beside a task that can run. Main keeps its own worker until another has taken the task.
TEST_P(MistakesTest, AnIdleWorkerTakesWhatCanRun) {
    repeat([this] {
        test::run_task({.workers = workers() + 1}, []() -> Task<void> {
            co_await sleep_for(microseconds(200));
            Atomic<bool> ran{false};
            WaitGroup wg;
            wg.go([&ran]() -> Task<void> {
                ran.store(true);
                co_return;
            });
            const TimePoint patience = now() + std::chrono::seconds(10);
            while (!ran.load() && now() < patience) {
                internal::cpu_relax();
            }
            EXPECT_TRUE(ran.load()) << "nobody took it";
            co_await wg.wait();
        }());
    });
}

// glibc 25847: a wake-up that a condition variable loses. Threads that are no workers wake workers at the moment when
// they go to sleep; no timer is near that could hide a loss.
TEST_P(MistakesTest, NoWakeUpFromAThreadIsLost) {
    run([]() -> Task<void> {
        WaitGroup wg;
        for (unsigned task = 0; task < 4; ++task) {
            wg.go([task]() -> Task<void> {
                for (unsigned i = 0; i < static_cast<unsigned>(scaled(300)); ++i) {
                    const unsigned spin = (i * 37 + task * 11) % 300;
                    const auto call = [spin] {
                        for (unsigned turn = 0; turn < spin; ++turn) {
                            internal::cpu_relax();
                        }
                        return spin;
                    };
                    const unsigned returned = co_await blocking(call);
                    EXPECT_EQ(returned, spin);
                }
            });
        }
        co_await wg.wait();
    });
}

}  // namespace
}  // namespace mynah::conc
