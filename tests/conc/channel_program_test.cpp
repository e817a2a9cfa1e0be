// Programs made of channels: many senders and receivers, a lock, a sieve.
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

class ChannelProgramTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ChannelProgramTest);

Task<void> send_range(Sender<int> to, int first, int end) {
    for (int value = first; value < end; ++value) {
        co_await to.send(value);
    }
}

TEST_P(ChannelProgramTest, ManySendersAndReceiversLoseAndDuplicateNothing) {
    run([this]() -> Task<void> {
        constexpr int kPeers = 8;
        const int each = simulated() ? 10 : 2000;
        for (const std::size_t capacity : {0U, 1U, 7U}) {
            const Channel<int> ch(capacity);
            std::vector<int> seen(static_cast<std::size_t>(kPeers * each), 0);
            Mutex mutex;
            WaitGroup senders;
            WaitGroup receivers;
            for (int peer = 0; peer < kPeers; ++peer) {
                senders.go(send_range, ch.sender(), peer * each, (peer + 1) * each);
                receivers.go([&]() -> Task<void> {
                    std::vector<int> mine;
                    while (const auto value = co_await ch.recv()) {
                        mine.push_back(*value);
                    }
                    const auto guard = co_await mutex.lock();
                    for (const int value : mine) {
                        ++seen[static_cast<std::size_t>(value)];
                    }
                });
            }
            co_await senders.wait();
            ch.close();
            co_await receivers.wait();
            EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
        }
    });
}

// The k-th receive of a channel of capacity n happens before send k + n completes: a channel of capacity 1 is a lock.
// ThreadSanitizer sees it where it is not.
TEST_P(ChannelProgramTest, ABufferOfOneWorksAsALock) {
    run(
        [this]() -> Task<void> {
            const Channel<Unit> lock(1);
            int counter = 0;
            WaitGroup wg;
            const int each = rounds(500) + 4;
            for (int i = 0; i < 8; ++i) {
                wg.go([&]() -> Task<void> {
                    for (int k = 0; k < each; ++k) {
                        co_await lock.send(Unit());
                        ++counter;
                        co_await lock.recv();
                    }
                });
            }
            co_await wg.wait();
            EXPECT_EQ(counter, 8 * each);
        },
        100);
}

// Go's TestNonblockRecvRace: a value is there or the channel is closed, at every moment.
TEST_P(ChannelProgramTest, TryRecvBesideACloseIsNeverEmpty) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(3000); ++round) {
            const Channel<int> ch(1);
            co_await ch.send(1);
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                const auto value = ch.try_recv();
                EXPECT_TRUE(value.has_value() || value.error() == RecvError::closed);
                co_return;
            });
            ch.close();
            co_await ch.recv();
            co_await wg.wait();
        }
    });
}

// The prime sieve of Go's test/chan/sieve1.go: a chain of tasks that grows.
Task<void> filter(Receiver<int> in, Sender<int> out, int prime) {
    while (const auto value = co_await in.recv()) {
        if (*value % prime != 0) {
            co_await out.send(*value);
        }
    }
    out.close();
}

TEST_P(ChannelProgramTest, SievesPrimes) {
    run(
        []() -> Task<void> {
            Channel<int> numbers(0);
            go([numbers]() -> Task<void> {
                co_await send_range(numbers, 2, 120);
                numbers.close();
            });
            std::vector<int> primes;
            while (const auto prime = co_await numbers.recv()) {
                primes.push_back(*prime);
                const Channel<int> next(0);
                go(filter, numbers.receiver(), next.sender(), *prime);
                numbers = next;
            }
            const std::vector<int> expected = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31,  37,  41,  43,  47,
                                               53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113};
            EXPECT_EQ(primes, expected);
            co_await until([] { return task_count() == 1; });
        },
        30);
}

}  // namespace
}  // namespace mynah::conc
