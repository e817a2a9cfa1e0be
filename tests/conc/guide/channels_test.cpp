// The sections of conc/FOR_GO_PROGRAMMERS.md on tasks and channels.
#include <cstddef>
#include <expected>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/guide/guide.hpp"

namespace guide {
namespace {

using namespace mynah::conc;
using namespace std::chrono_literals;

Task<int> answer() {
    co_await sleep_for(1ms);
    co_return 42;
}

Task<int> twice() {
    const int once = co_await answer();
    co_return 2 * once;
}

TEST(Guide, AProgramRunsAMainTask) {
    Scheduler scheduler({.workers = 2});
    const int result = scheduler.run(twice());  // returns when twice() has ended

    EXPECT_EQ(result, 84);
    EXPECT_TRUE(scheduler.abandoned().empty());
}

Task<> worker(int id, Channel<int> results) {
    co_await results.send(id);
}

TEST(Guide, TheGoStatement) {
    run([]() -> Task<> {
        const Channel<int> results(0);
        go(worker, 7, results);
        go([results]() -> Task<> { co_await results.send(8); });

        const std::optional<int> first = co_await results.recv();
        const std::optional<int> second = co_await results.recv();
        EXPECT_EQ((std::set{first.value(), second.value()}), (std::set{7, 8}));
    });
}

TEST(Guide, AnUnbufferedChannel) {
    run([]() -> Task<> {
        const Channel<std::string> ch(0);
        go([ch]() -> Task<> { co_await ch.send("ping"); });
        const std::optional<std::string> word = co_await ch.recv();

        EXPECT_EQ(word, "ping");
        EXPECT_EQ(ch.capacity(), 0U);
    });
}

TEST(Guide, ABufferedChannel) {
    run([]() -> Task<> {
        const Channel<int> ch(2);
        co_await ch.send(1);
        co_await ch.send(2);  // does not wait
        const std::size_t length = ch.size();
        const std::size_t capacity = ch.capacity();

        EXPECT_EQ(length, 2U);
        EXPECT_EQ(capacity, 2U);
    });
}

TEST(Guide, RangeOverAClosedChannel) {
    run([]() -> Task<> {
        const Channel<int> ch(3);
        for (int i = 1; i <= 3; ++i) {
            co_await ch.send(i);
        }
        ch.close();
        int sum = 0;
        while (const std::optional<int> value = co_await ch.recv()) {
            sum += *value;
        }
        const std::optional<int> none = co_await ch.recv();  // nullopt, at once and for ever

        EXPECT_EQ(sum, 6);
        EXPECT_EQ(none, std::nullopt);
    });
}

Task<> produce(Sender<int> out) {
    co_await out.send(1);
    out.close();
}

Task<int> consume(Receiver<int> in) {
    int sum = 0;
    while (const std::optional<int> value = co_await in.recv()) {
        sum += *value;
    }
    co_return sum;
}

template <class Handle>
concept can_close = requires(Handle handle) { handle.close(); };
template <class Handle>
concept can_receive = requires(Handle handle) { handle.recv(); };

TEST(Guide, Directions) {
    static_assert(!can_close<Receiver<int>> && !can_receive<Sender<int>>);
    run([]() -> Task<> {
        const Channel<int> ch(0);
        go(produce, ch);  // a Channel converts to either direction
        const int sum = co_await consume(ch);

        EXPECT_EQ(sum, 1);
    });
}

TEST(Guide, SendAndReceiveWithoutWaiting) {
    run([]() -> Task<> {
        const Channel<int> ch(1);
        const bool sent = ch.try_send(1);        // false where send() would wait
        const bool sent_again = ch.try_send(2);  // the buffer is full
        const std::expected<int, RecvError> value = ch.try_recv();
        const std::expected<int, RecvError> none = ch.try_recv();  // RecvError::empty, or RecvError::closed

        EXPECT_TRUE(sent);
        EXPECT_FALSE(sent_again);
        EXPECT_EQ(value, 1);
        EXPECT_EQ(none.error(), RecvError::empty);
        co_return;
    });
}

}  // namespace
}  // namespace guide
