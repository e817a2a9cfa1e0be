// Channels: Go's runtime/chan_test.go, chanbarrier_test.go and the programs of its folder test about closing and sizes.
#include <algorithm>
#include <any>
#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;

class ChanTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(ChanTest);

constexpr std::array<std::size_t, 5> kCapacities = {0, 1, 2, 7, 30};

Task<void> send_up_to(Sender<int> to, int end) {
    for (int value = 0; value < end; ++value) {
        co_await to.send(value);
    }
}

Task<void> fill(Channel<int> ch) {
    return send_up_to(ch, static_cast<int>(ch.capacity()));
}

// Go: runtime/chan_test.go TestChan, the receive from an empty channel.
TEST_P(ChanTest, ChanRecvFromEmptyBlocks) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            Atomic<int> received{0};
            WaitGroup wg;
            for (int i = 0; i < 2; ++i) {
                wg.go([&]() -> Task<void> {
                    const auto value = co_await ch.recv();
                    received.fetch_add(1);
                    EXPECT_EQ(value, 0);
                });
            }
            co_await until_parked("chan receive", 2);
            EXPECT_EQ(received.load(), 0);
            EXPECT_EQ(ch.try_recv().error(), RecvError::empty);
            EXPECT_EQ(try_select(ch.recv_case()).index(), no_case);
            co_await ch.send(0);
            co_await ch.send(0);
            co_await wg.wait();
        }
    });
}

// Go: runtime/chan_test.go TestChan, the send to a full channel.
TEST_P(ChanTest, ChanSendToFullBlocks) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            co_await fill(ch);
            Atomic<bool> sent{false};
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                co_await ch.send(-1);
                sent.store(true);
            });
            co_await until_parked("chan send");
            EXPECT_FALSE(sent.load());
            EXPECT_FALSE(ch.try_send(0));
            EXPECT_EQ(try_select(ch.send_case(0)).index(), no_case);
            const auto oldest = co_await ch.recv();
            EXPECT_EQ(oldest, capacity == 0 ? -1 : 0);
            co_await wg.wait();
            EXPECT_TRUE(sent.load());
        }
    });
}

// Go: runtime/chan_test.go TestChan, the receive from a closed channel.
TEST_P(ChanTest, ChanClosedDrainsThenReportsClosed) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            co_await fill(ch);
            ch.close();
            for (int expected = 0; expected < static_cast<int>(capacity); ++expected) {
                const auto value = co_await ch.recv();
                EXPECT_EQ(value, expected);
            }
            for (int again = 0; again < 3; ++again) {
                const auto ended = co_await ch.recv();
                EXPECT_EQ(ended, std::nullopt);
            }
        }
    });
}

// Go: runtime/chan_test.go TestChan, the close under a waiting receiver.
TEST_P(ChanTest, ChanCloseUnblocksRecv) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            const Channel<bool> done(0);
            go([&]() -> Task<void> {
                const auto value = co_await ch.recv();
                co_await done.send(value == std::nullopt);
            });
            co_await until_parked("chan receive");
            ch.close();
            const auto closed = co_await done.recv();
            EXPECT_EQ(closed, true);
        }
    });
}

// Go: runtime/chan_test.go TestChan, values in order.
TEST_P(ChanTest, ChanIsFifo) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            go(send_up_to, ch.sender(), 100);
            for (int expected = 0; expected < 100; ++expected) {
                const auto value = co_await ch.recv();
                EXPECT_EQ(value, expected);
            }
        }
    });
}

// Go: runtime/chan_test.go TestChan, four senders and four receivers.
TEST_P(ChanTest, ChanManySendersAndReceivers) {
    run([]() -> Task<void> {
        constexpr int kPeers = 4;
        const int each = scaled(1000);
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            const Channel<std::vector<int>> done(0);
            for (int peer = 0; peer < kPeers; ++peer) {
                go(send_up_to, ch.sender(), each);
                go([=]() -> Task<void> {
                    std::vector<int> seen(static_cast<std::size_t>(each), 0);
                    for (int i = 0; i < each; ++i) {
                        const auto value = co_await ch.recv();
                        ++seen[static_cast<std::size_t>(*value)];
                    }
                    co_await done.send(std::move(seen));
                });
            }
            std::vector<int> total(static_cast<std::size_t>(each), 0);
            for (int peer = 0; peer < kPeers; ++peer) {
                const auto seen = co_await done.recv();
                std::transform(total.begin(), total.end(), seen->begin(), total.begin(), std::plus<>());
            }
            EXPECT_EQ(total, std::vector<int>(total.size(), kPeers));
        }
    });
}

// Go: runtime/chan_test.go TestChan, len and cap; test/chancap.go.
TEST_P(ChanTest, ChanLenCap) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : kCapacities) {
            const Channel<int> ch(capacity);
            for (std::size_t size = 0; size < capacity; ++size) {
                EXPECT_EQ(ch.size(), size);
                co_await ch.send(1);
            }
            EXPECT_EQ(ch.size(), capacity);
            EXPECT_EQ(ch.capacity(), capacity);
        }
        EXPECT_EQ(Channel<int>().size(), 0U);
        EXPECT_EQ(Channel<int>().capacity(), 0U);
    });
}

// Go: test/makechan.go and test/chancap.go, sizes out of range.
TEST_P(ChanTest, MakechanRefusesSizesOutOfRange) {
    run([]() -> Task<void> {
        const int negative = -1;
        EXPECT_THROW(Channel<int>(static_cast<std::size_t>(negative)), Panic);
        EXPECT_THROW(Channel<int>(std::size_t{1} << 62U), Panic);
        EXPECT_THROW(Channel<int>(~std::size_t{0} >> 1U), Panic);
        EXPECT_THROW((Channel<std::array<char, 1000>>(std::size_t{1} << 59U)), Panic);
        co_return;
    });
}
static_assert(!std::convertible_to<int, Channel<int>> && !std::constructible_from<Channel<int>, std::string>);

// Go: runtime/chan_test.go TestNonblockRecvRace.
TEST_P(ChanTest, NonblockRecvRace) {
    run([]() -> Task<void> {
        for (int round = 0; round < scaled(2000); ++round) {
            const Channel<int> ch(1);
            co_await ch.send(1);
            go([ch]() -> Task<void> {
                const auto value = ch.try_recv();
                EXPECT_TRUE(value || value.error() == RecvError::closed) << "the channel is not ready";
                co_return;
            });
            ch.close();
            co_await ch.recv();
        }
    });
}

// Go: runtime/chan_test.go TestChanSendInterface. The value's type is known at run time alone.
TEST_P(ChanTest, ChanSendInterface) {
    run([]() -> Task<void> {
        struct Empty {};
        const Channel<std::any> ch(1);
        std::any first = Empty();
        co_await ch.send(first);
        EXPECT_FALSE(ch.try_send(first));
        EXPECT_EQ(try_select(ch.send_case(first), ch.send_case(std::string("other"))).index(), no_case);
        const auto received = co_await ch.recv();
        EXPECT_NE(std::any_cast<Empty>(&*received), nullptr);
        EXPECT_NE(try_select(ch.send_case(std::string("text")), ch.send_case(std::string("text"))).index(), no_case);
        const auto text = co_await ch.recv();
        EXPECT_EQ(std::any_cast<std::string>(*text), "text");
    });
}

// Go: runtime/chan_test.go TestMultiConsumer.
TEST_P(ChanTest, MultiConsumer) {
    run([]() -> Task<void> {
        constexpr std::size_t kConsumers = 23;
        static constexpr std::array kPrimes = {2, 3, 7, 11, 13, 17, 19, 23, 29, 31};
        const int count = scaled(20'000);
        const Channel<int> work(kConsumers * 3);
        const Channel<int> results(kConsumers * 3);
        WaitGroup consumers;
        for (std::size_t i = 0; i < kConsumers; ++i) {
            consumers.go([=]() -> Task<void> {
                while (const auto value = co_await work.recv()) {
                    if (*value == kPrimes[i % kPrimes.size()]) {
                        co_await yield();
                    }
                    co_await results.send(*value);
                }
            });
        }
        long expected = 0;
        WaitGroup feeder;
        feeder.go([&]() -> Task<void> {
            for (int i = 0; i < count; ++i) {
                const int value = kPrimes[static_cast<std::size_t>(i) % kPrimes.size()];
                expected += value;
                co_await work.send(value);
            }
            work.close();
            co_await consumers.wait();
            results.close();
        });
        int received = 0;
        long sum = 0;
        while (const auto value = co_await results.recv()) {
            ++received;
            sum += *value;
        }
        co_await feeder.wait();
        EXPECT_EQ(received, count);
        EXPECT_EQ(sum, expected);
    });
}

/// Sends something that it has just made; the receiver reads it, and frees it, wherever it runs.
Task<void> answer(Channel<std::unique_ptr<std::string>> ch, Channel<Unit> given_up, bool selects) {
    auto made = std::make_unique<std::string>(100, 'x');
    if (selects) {
        auto sending = ch.send_case(std::move(made));
        co_await select(std::move(sending), given_up.recv_case());
    } else {
        co_await ch.send(std::move(made));
    }
}

Task<void> ask_often(int times, bool selects) {
    for (int i = 0; i < times; ++i) {
        const Channel<std::unique_ptr<std::string>> ch(0);
        go(answer, ch, Channel<Unit>(0), selects);
        const auto answered = co_await ch.recv();
        co_await yield();
        EXPECT_TRUE(answered && *answered && **answered == std::string(100, 'x'));
    }
}

Task<void> ask_in_parallel(bool selects) {
    WaitGroup wg;
    for (int i = 0; i < 20; ++i) {
        wg.go(ask_often, scaled(100), selects);
    }
    co_await wg.wait();
}

// Go: runtime/chanbarrier_test.go TestChanSendBarrier.
TEST_P(ChanTest, ChanSendBarrier) {
    run([] { return ask_in_parallel(false); });
}

// Go: runtime/chanbarrier_test.go TestChanSendSelectBarrier.
TEST_P(ChanTest, ChanSendSelectBarrier) {
    run([] { return ask_in_parallel(true); });
}

Task<void> send_one(Channel<int> ch) {
    co_await ch.send(2);
}
Task<void> select_to_send(Channel<int> ch) {
    co_await select(ch.send_case(2));
}
Task<void> select_to_send_beside_another(Channel<int> ch) {
    co_await select(ch.send_case(2), Channel<int>(0).recv_case());
}

/// Whatever the way, a receive from `ch` finds it closed.
Task<void> expect_closed(Channel<int> ch) {
    for (int again = 0; again < 5; ++again) {
        const auto plain = co_await ch.recv();
        EXPECT_EQ(plain, std::nullopt);
        EXPECT_EQ(ch.try_recv().error(), RecvError::closed);
        auto alone = co_await select(ch.recv_case());
        EXPECT_EQ(alone.get<0>(), std::nullopt);
        auto beside = co_await select(Channel<int>(0).recv_case(), ch.recv_case());
        EXPECT_EQ(beside.index(), 1U);
        EXPECT_EQ(beside.get<1>(), std::nullopt);
        EXPECT_EQ(try_select(ch.recv_case()).index(), 0U);
    }
}

// Go: test/closedchan.go, a channel without a buffer, and its sends that panic.
TEST_P(ChanTest, ClosedchanSendsPanicAndReceivesReportIt) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : {0U, 2U}) {
            const Channel<int> ch(capacity);
            ch.close();
            co_await expect_closed(ch);
            for (const auto way : {send_one, select_to_send, select_to_send_beside_another}) {
                const std::string panic = co_await panic_of(way(ch));
                EXPECT_EQ(panic, "send on closed channel");
            }
            EXPECT_THROW(ch.try_send(1), Panic);
            EXPECT_THROW(try_select(ch.send_case(1)), Panic);
            co_await expect_closed(ch);
        }
    });
}

// Go: test/closedchan.go, a value that was buffered before the close, in each way to receive it.
TEST_P(ChanTest, ClosedchanGivesTheLastValueInEveryWay) {
    run([]() -> Task<void> {
        for (int way = 0; way < 4; ++way) {
            const Channel<int> ch(2);
            co_await ch.send(1);
            ch.close();
            std::optional<int> value;
            if (way == 0) {
                value = co_await ch.recv();
            } else if (way == 1) {
                value = ch.try_recv().value();
            } else if (way == 2) {
                auto s = co_await select(ch.recv_case());
                value = s.get<0>();
            } else {
                value = try_select(ch.recv_case()).get<0>();
            }
            EXPECT_EQ(value, 1);
            co_await expect_closed(ch);
        }
    });
}

// Go: test/closedchan.go, the close of a nil channel and of a closed one.
TEST_P(ChanTest, ClosedchanCloseOfNilOrClosedPanics) {
    run([]() -> Task<void> {
        EXPECT_THROW(Channel<int>().close(), Panic);
        const Channel<int> ch(0);
        ch.close();
        EXPECT_THROW(ch.close(), Panic);
        co_return;
    });
}

// Go: runtime/chan.go, closechan: every sender and every receiver that waits wakes.
TEST_P(ChanTest, CloseWakesAllWhoWait) {
    run([]() -> Task<void> {
        const Channel<int> receivers(0);
        const Channel<int> senders(0);
        Atomic<int> ended{0};
        Atomic<int> panicked{0};
        WaitGroup wg;
        for (int i = 0; i < 20; ++i) {
            wg.go([&]() -> Task<void> {
                const auto value = co_await receivers.recv();
                ended.fetch_add(value ? 0 : 1);
            });
            wg.go([&]() -> Task<void> {
                const std::string panic = co_await panic_of(send_one(senders));
                panicked.fetch_add(panic == "send on closed channel" ? 1 : 0);
            });
        }
        co_await until_parked("chan receive", 20);
        co_await until_parked("chan send", 20);
        receivers.close();
        senders.close();
        co_await wg.wait();
        EXPECT_EQ(ended.load(), 20);
        EXPECT_EQ(panicked.load(), 20);
    });
}

// Go: the specification, on a nil channel.
TEST_P(ChanTest, NilBlocksForEver) {
    run_and_abandon_others([]() -> Task<void> {
        go([]() -> Task<void> { co_await Channel<int>().send(1); });
        go([]() -> Task<void> { co_await Channel<int>().recv(); });
        go([]() -> Task<void> { co_await select(Channel<int>().send_case(1), Channel<int>().recv_case()); });
        co_await until_parked("chan send (nil chan)");
        co_await until_parked("chan receive (nil chan)");
        co_await until_parked("select");
    });
}

// Go: test/chan/perm.go.
template <class Handle>
concept Sends = requires(Handle handle) { handle.send(0); };
template <class Handle>
concept Receives = requires(Handle handle) { handle.recv(); };
template <class Handle>
concept SelectsToSend = requires(Handle handle) { handle.send_case(0); };
template <class Handle>
concept SelectsToReceive = requires(Handle handle) { handle.recv_case(); };
template <class Handle>
concept Closes = requires(Handle handle) { handle.close(); };
using Both = Channel<int>;
using Out = Sender<int>;
using In = Receiver<int>;
static_assert(std::convertible_to<Both, In> && std::convertible_to<Both, Out>);
static_assert(!std::convertible_to<In, Both> && !std::convertible_to<Out, Both>);
static_assert(!std::convertible_to<In, Out> && !std::convertible_to<Out, In>);
static_assert(!std::assignable_from<Both&, In> && !std::assignable_from<Both&, Out>);
static_assert(Sends<Both> && Receives<Both> && SelectsToSend<Both> && SelectsToReceive<Both> && Closes<Both>);
static_assert(!Sends<In> && Receives<In> && !SelectsToSend<In> && SelectsToReceive<In> && !Closes<In>);
static_assert(Sends<Out> && !Receives<Out> && SelectsToSend<Out> && !SelectsToReceive<Out> && Closes<Out>);
static_assert(!Sends<int> && !Receives<int> && !Closes<int>);

}  // namespace
}  // namespace mynah::conc
