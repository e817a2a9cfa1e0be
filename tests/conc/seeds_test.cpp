// Ten thousand orders of events, each drawn from a seed that repeats it: whatever the order, the rules hold.
//
// A failure names the seed; {.workers = seed % 4 + 1, .seed = seed} shows the same run again.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;

constexpr std::uint64_t kSeeds = 10'000;

using Trace = std::vector<std::uint64_t>;

/// Runs the scenario once for each seed; every hundredth seed twice, which must leave the same trace.
template <class Scenario>
void for_each_seed(Scenario scenario) {
    for (std::uint64_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto run = [&scenario, seed] {
            Trace trace;
            test::run_task({.workers = static_cast<std::size_t>(seed % 4 + 1), .seed = seed}, scenario(&trace));
            return trace;
        };
        const Trace trace = run();
        EXPECT_FALSE(trace.empty());
        if (seed % 100 == 0) {
            EXPECT_EQ(trace, run());
        }
    }
}

constexpr std::uint64_t kProducers = 3;
constexpr std::uint64_t kValues = 4;

Task<void> produce(Sender<std::uint64_t> out, std::uint64_t self) {
    for (std::uint64_t i = 0; i < kValues; ++i) {
        co_await out.send(self * kValues + i);
    }
}

Task<void> consume(Receiver<std::uint64_t> in, Trace* trace) {
    while (const auto value = co_await in.recv()) {
        trace->push_back(*value);
    }
}

/// Every value arrives once, and each producer's in its order.
void expect_all_in_order(const Trace& trace, std::uint64_t producers) {
    ASSERT_EQ(trace.size(), producers * kValues);
    std::vector<std::uint64_t> next(producers, 0);
    for (const std::uint64_t value : trace) {
        EXPECT_EQ(value % kValues, next[value / kValues]++);
    }
}

Task<void> channels(Trace* trace) {
    for (const std::size_t capacity : {0U, 1U, 3U}) {
        const Channel<std::uint64_t> ch(capacity);
        WaitGroup producers;
        WaitGroup consumer;
        for (std::uint64_t i = 0; i < kProducers; ++i) {
            producers.go(produce, ch.sender(), i);
        }
        Trace received;
        consumer.go(consume, ch.receiver(), &received);
        co_await producers.wait();
        ch.close();
        co_await consumer.wait();
        expect_all_in_order(received, kProducers);
        trace->insert(trace->end(), received.begin(), received.end());
    }
}

TEST(TenThousandSeeds, ChannelsLoseNothingAndKeepTheOrder) {
    for_each_seed(channels);
}

/// Sends on either channel, and gives up a value now and then when time runs out.
Task<void> send_impatiently(Channel<std::uint64_t> a, Channel<std::uint64_t> b, std::uint64_t self, Trace* sent) {
    for (std::uint64_t i = 0; i < kValues; ++i) {
        const std::uint64_t value = self * kValues + i;
        const auto s = co_await select(a.send_case(value), b.send_case(value), after(microseconds(2)));
        if (s.index() < 2) {
            sent->push_back(value);
        }
    }
}

Task<void> receive_from_both(Channel<std::uint64_t> a, Channel<std::uint64_t> b, Context ctx, Trace* received) {
    for (;;) {
        auto s = co_await select(a.recv_case(), b.recv_case(), ctx.done());
        if (s.index() == 2) {
            co_return;
        }
        received->push_back(s.index() == 0 ? *s.get<0>() : *s.get<1>());
        co_await sleep_for(microseconds(received->size() % 3));
    }
}

Task<void> selects(Trace* trace) {
    const Channel<std::uint64_t> a(0);
    const Channel<std::uint64_t> b(1);
    const auto [ctx, cancel] = with_cancel(Context::background());
    Trace sent;
    Trace received;
    WaitGroup senders;
    WaitGroup receivers;
    for (std::uint64_t i = 0; i < kProducers; ++i) {
        senders.go(send_impatiently, a, b, i, &sent);
    }
    receivers.go(receive_from_both, a, b, ctx, &received);
    co_await senders.wait();
    cancel();
    co_await receivers.wait();
    while (const auto left = b.try_recv()) {
        received.push_back(*left);
    }
    trace->insert(trace->end(), received.begin(), received.end());
    trace->push_back(static_cast<std::uint64_t>(now().time_since_epoch().count()));
    std::ranges::sort(sent);
    std::ranges::sort(received);
    EXPECT_EQ(sent, received);
}

TEST(TenThousandSeeds, SelectsLoseAndDuplicateNothing) {
    for_each_seed(selects);
}

Task<void> note_the_end(Context ctx, std::uint64_t self, Trace* trace) {
    const auto s = co_await select(ctx.done());
    EXPECT_EQ(s.index(), 0U);
    EXPECT_TRUE(ctx.err());
    trace->push_back(self * 10 + (ctx.err() == ContextError::canceled ? 1U : 2U));
}

Task<void> contexts(Trace* trace) {
    const auto [root, cancel_root] = with_cancel_cause(Context::background());
    const auto [hurried, cancel_hurried] = with_timeout(root, microseconds(5));
    const auto [child, cancel_child] = with_cancel(hurried);
    const Context apart = without_cancel(child);
    WaitGroup waiting;
    waiting.go(note_the_end, root, 1U, trace);
    waiting.go(note_the_end, hurried, 2U, trace);
    waiting.go(note_the_end, child, 3U, trace);
    int calls = 0;
    WaitGroup called;
    called.add(1);
    auto stop = after_func(child, [&]() -> Task<void> {
        ++calls;
        called.done();
        co_return;
    });
    const auto cancel_later = [](CancelFunc cancel) -> Task<void> {
        co_await sleep_for(microseconds(5));  // as late as the deadline: either may be first
        cancel(std::make_error_code(std::errc::owner_dead));
    };
    waiting.go(cancel_later, cancel_root);
    co_await waiting.wait();
    if (stop()) {
        called.done();
        EXPECT_EQ(calls, 0);
    }
    co_await called.wait();
    EXPECT_EQ(root.cause(), std::make_error_code(std::errc::owner_dead));
    // The first cause wins, and the child has its parent's.
    EXPECT_EQ(child.cause(), hurried.cause());
    EXPECT_EQ(child.err(), hurried.err());
    const bool deadline_first = hurried.err() == ContextError::deadline_exceeded;
    EXPECT_EQ(hurried.cause(), deadline_first ? make_error_code(ContextError::deadline_exceeded) : root.cause());
    EXPECT_FALSE(apart.err());
    trace->push_back(static_cast<std::uint64_t>(calls));
}

TEST(TenThousandSeeds, ContextsAgreeOnWhoWasFirst) {
    for_each_seed(contexts);
}

Task<void> work(WaitGroup* wg, std::uint64_t depth, std::uint64_t* finished) {
    if (depth > 0) {
        wg->go(work, wg, depth - 1, finished);
        wg->go(work, wg, depth - 1, finished);
    }
    co_await yield();
    ++*finished;
}

Task<void> wait_for_all(WaitGroup* wg, const std::uint64_t* finished, std::uint64_t expected, Trace* trace) {
    co_await wg->wait();
    EXPECT_EQ(*finished, expected);
    trace->push_back(*finished);
}

Task<void> wait_groups(Trace* trace) {
    auto wg = std::make_unique<WaitGroup>();
    std::uint64_t finished = 0;
    for (std::uint64_t round = 1; round <= 3; ++round) {  // a group may be used again
        wg->go(work, wg.get(), 3U, &finished);
        WaitGroup waiters;
        for (int i = 0; i < 3; ++i) {
            waiters.go(wait_for_all, wg.get(), &finished, round * 15, trace);
        }
        co_await waiters.wait();
    }
    wg->go(work, wg.get(), 1U, &finished);
    co_await wg->wait();
    wg.reset();  // the last done() is through with it
}

TEST(TenThousandSeeds, WaitGroupsReleaseEverybodyAtZeroAndNotBefore) {
    for_each_seed(wait_groups);
}

TEST(VirtualTime, PassesOnlyWhileEverybodyWaits) {
    Scheduler scheduler({.workers = 2, .virtual_time = true});
    ASSERT_TRUE(scheduler.seed());
    const auto sleep_for_a_year = []() -> Task<Duration> {
        const TimePoint start = now();
        co_await sleep_for(std::chrono::hours(24 * 365));
        co_return now() - start;
    };
    const auto real_start = Clock::now();
    EXPECT_EQ(scheduler.run(sleep_for_a_year()), std::chrono::hours(24 * 365));
    EXPECT_LT(Clock::now() - real_start, std::chrono::minutes(1));
}

TEST(VirtualTime, DrawsASeedThatRepeatsTheRun) {
    const auto story = [](Options options, Trace* trace) {
        Scheduler scheduler(std::move(options));
        scheduler.run(selects(trace));
        return *scheduler.seed();
    };
    Trace first;
    const std::uint64_t seed = story({.workers = 3, .virtual_time = true}, &first);
    Trace second;
    story({.workers = 3, .seed = seed}, &second);
    EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace mynah::conc
