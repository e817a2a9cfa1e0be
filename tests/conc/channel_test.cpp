#include "conc/channel.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

// Directions are a matter of types.
template <class Handle>
concept Sends = requires(Handle handle) {
    handle.send(1);
    handle.try_send(1);
    handle.send_case(1);
    handle.close();
};
template <class Handle>
concept Receives = requires(Handle handle) {
    handle.recv();
    handle.try_recv();
    handle.recv_case();
};
template <class Handle>
concept Closes = requires(Handle handle) { handle.close(); };

static_assert(Sends<Channel<int>> && Receives<Channel<int>>);
static_assert(Sends<Sender<int>> && !Receives<Sender<int>>);
static_assert(Receives<Receiver<int>> && !Sends<Receiver<int>> && !Closes<Receiver<int>>);
static_assert(std::convertible_to<Channel<int>, Sender<int>> && std::convertible_to<Channel<int>, Receiver<int>>);
static_assert(!std::convertible_to<Sender<int>, Receiver<int>> && !std::convertible_to<Receiver<int>, Sender<int>>);
static_assert(!std::convertible_to<Sender<int>, Channel<int>> && !std::convertible_to<Receiver<int>, Channel<int>>);

class ChannelTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ChannelTest);

Task<void> send_range(Sender<int> to, int first, int end) {
    for (int value = first; value < end; ++value) {
        co_await to.send(value);
    }
}

TEST_P(ChannelTest, UnbufferedSendReturnsOnlyAfterItsValueWasReceived) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        bool returned = false;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            co_await ch.send(7);
            returned = true;
        });
        co_await until_parked("chan send");
        EXPECT_FALSE(returned);
        const auto value = co_await ch.recv();
        EXPECT_EQ(value, 7);
        co_await wg.wait();
        EXPECT_TRUE(returned);
    });
}

TEST_P(ChannelTest, RecvWaitsForAValue) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : {0U, 1U, 10U}) {
            const Channel<int> ch(capacity);
            std::optional<int> got;
            WaitGroup wg;
            wg.go([&]() -> Task<void> { got = co_await ch.recv(); });
            co_await until_parked("chan receive");
            EXPECT_EQ(got, std::nullopt);
            co_await ch.send(5);
            co_await wg.wait();
            EXPECT_EQ(got, 5);
        }
    });
}

TEST_P(ChannelTest, BufferedSendWaitsOnlyWhenFull) {
    run([]() -> Task<void> {
        const Channel<int> ch(2);
        co_await ch.send(1);
        co_await ch.send(2);
        bool third = false;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            co_await ch.send(3);
            third = true;
        });
        co_await until_parked("chan send");
        EXPECT_FALSE(third);
        for (int expected = 1; expected <= 3; ++expected) {
            const auto value = co_await ch.recv();
            EXPECT_EQ(value, expected);
        }
        co_await wg.wait();
    });
}

TEST_P(ChannelTest, ValuesArriveInOrder) {
    run(
        []() -> Task<void> {
            for (const std::size_t capacity : {0U, 1U, 3U, 100U}) {
                const Channel<int> ch(capacity);
                WaitGroup wg;
                wg.go(send_range, ch.sender(), 0, 200);
                for (int expected = 0; expected < 200; ++expected) {
                    const auto value = co_await ch.recv();
                    EXPECT_EQ(value, expected);
                }
                co_await wg.wait();
            }
        },
        60);
}

TEST_P(ChannelTest, WaitingSendersAreServedInTheOrderOfTheirArrival) {
    run(
        []() -> Task<void> {
            for (const std::size_t capacity : {0U, 2U}) {
                const Channel<int> ch(capacity);
                WaitGroup wg;
                for (int i = 0; i < static_cast<int>(capacity); ++i) {
                    co_await ch.send(i);
                }
                for (int i = static_cast<int>(capacity); i < 8; ++i) {
                    wg.go(send_range, ch.sender(), i, i + 1);
                    co_await until_parked("chan send", static_cast<std::size_t>(i) + 1 - capacity);
                }
                for (int expected = 0; expected < 8; ++expected) {
                    const auto value = co_await ch.recv();
                    EXPECT_EQ(value, expected);
                }
                co_await wg.wait();
            }
        },
        100);
}

TEST_P(ChannelTest, WaitingReceiversAreServedInTheOrderOfTheirArrival) {
    run(
        []() -> Task<void> {
            for (const std::size_t capacity : {0U, 2U}) {
                const Channel<int> ch(capacity);
                std::array<std::optional<int>, 8> got;
                WaitGroup wg;
                for (std::size_t i = 0; i < got.size(); ++i) {
                    wg.go([&, i]() -> Task<void> { got[i] = co_await ch.recv(); });
                    co_await until_parked("chan receive", i + 1);
                }
                for (int i = 0; i < 8; ++i) {
                    co_await ch.send(i);
                }
                co_await wg.wait();
                for (std::size_t i = 0; i < got.size(); ++i) {
                    EXPECT_EQ(got[i], static_cast<int>(i));
                }
            }
        },
        100);
}

TEST_P(ChannelTest, RecvAfterCloseDrainsThenReportsClosed) {
    run([]() -> Task<void> {
        const Channel<std::string> ch(3);
        co_await ch.send("one");
        co_await ch.send("two");
        ch.close();
        const auto first = co_await ch.recv();
        EXPECT_EQ(first, "one");
        const auto second = ch.try_recv();
        EXPECT_EQ(second, "two");
        for (int again = 0; again < 3; ++again) {
            const auto ended = co_await ch.recv();
            EXPECT_EQ(ended, std::nullopt);
            const auto tried = ch.try_recv();
            EXPECT_FALSE(tried.has_value());
            EXPECT_EQ(tried.error(), RecvError::closed);
        }
    });
}

TEST_P(ChannelTest, RangeEndsWhenTheChannelIsClosedAndEmpty) {
    run([]() -> Task<void> {
        const Channel<int> ch(4);
        go([ch]() -> Task<void> {
            co_await send_range(ch, 0, 100);
            ch.close();
        });
        int expected = 0;
        while (const auto value = co_await ch.recv()) {
            EXPECT_EQ(*value, expected++);
        }
        EXPECT_EQ(expected, 100);
    });
}

TEST_P(ChannelTest, CloseWakesEveryWaitingReceiver) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        int closed = 0;
        Mutex mutex;
        for (int i = 0; i < 20; ++i) {
            wg.go([&]() -> Task<void> {
                const auto value = co_await ch.recv();
                EXPECT_EQ(value, std::nullopt);
                const auto guard = co_await mutex.lock();
                ++closed;
            });
        }
        co_await until_parked("chan receive", 20);
        ch.close();
        co_await wg.wait();
        EXPECT_EQ(closed, 20);
    });
}

// In Go too a sender that was blocked when close happened panics.
TEST_P(ChannelTest, CloseMakesEveryWaitingSenderPanic) {
    run([]() -> Task<void> {
        const Channel<int> ch(1);
        co_await ch.send(0);
        WaitGroup wg;
        int panics = 0;
        Mutex mutex;
        for (int i = 0; i < 20; ++i) {
            wg.go([&]() -> Task<void> {
                bool panicked = false;
                try {
                    co_await ch.send(1);
                } catch (const Panic& panic) {
                    EXPECT_STREQ(panic.what(), "send on closed channel");
                    panicked = true;
                }
                const auto guard = co_await mutex.lock();
                panics += panicked ? 1 : 0;
            });
        }
        co_await until_parked("chan send", 20);
        ch.close();
        co_await wg.wait();
        EXPECT_EQ(panics, 20);
        const auto buffered = co_await ch.recv();
        EXPECT_EQ(buffered, 0);
        const auto ended = co_await ch.recv();
        EXPECT_EQ(ended, std::nullopt);
    });
}

TEST_P(ChannelTest, MoveOnlyLargeAndEmptyValuesPass) {
    run(
        []() -> Task<void> {
            for (const std::size_t capacity : {0U, 1U}) {
                const Channel<std::unique_ptr<int>> owners(capacity);
                const Channel<std::array<int, 1000>> large(capacity);
                const Channel<Unit> empty(capacity);
                WaitGroup wg;
                wg.go([&]() -> Task<void> {
                    co_await owners.send(std::make_unique<int>(9));
                    std::array<int, 1000> many{};
                    many.back() = 11;
                    co_await large.send(many);
                    for (int i = 0; i < 5; ++i) {
                        co_await empty.send(Unit());
                    }
                    empty.close();
                });
                const auto owner = co_await owners.recv();
                EXPECT_TRUE(owner && *owner && **owner == 9);
                const auto many = co_await large.recv();
                EXPECT_TRUE(many && many->back() == 11);
                int units = 0;
                while (const auto unit = co_await empty.recv()) {
                    ++units;
                }
                EXPECT_EQ(units, 5);
                co_await wg.wait();
            }
        },
        50);
}

TEST_P(ChannelTest, CarriesChannels) {
    run([]() -> Task<void> {
        const Channel<Channel<int>> requests(0);
        go([requests]() -> Task<void> {
            while (const auto reply = co_await requests.recv()) {
                co_await reply->send(42);
            }
        });
        for (int i = 0; i < 5; ++i) {
            const Channel<int> reply(0);
            co_await requests.send(reply);
            const auto value = co_await reply.recv();
            EXPECT_EQ(value, 42);
        }
        requests.close();
        co_await until([] { return task_count() == 1; });
    });
}

TEST(Channel, TrySendAndTryRecvNeverWait) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const Channel<int> rendezvous(0);
        EXPECT_FALSE(rendezvous.try_send(1));
        EXPECT_EQ(rendezvous.try_recv().error(), RecvError::empty);
        const Channel<int> buffered(1);
        EXPECT_TRUE(buffered.try_send(1));
        EXPECT_FALSE(buffered.try_send(2));
        EXPECT_EQ(buffered.try_recv(), 1);
        EXPECT_EQ(buffered.try_recv().error(), RecvError::empty);
        co_return;
    }());
}

TEST(Channel, TrySendThatFailsLeavesTheValueAlone) {
    const Channel<std::unique_ptr<int>> ch(0);
    auto value = std::make_unique<int>(3);
    EXPECT_FALSE(ch.try_send(std::move(value)));
    // NOLINTNEXTLINE(bugprone-use-after-move): that it was not moved from is the contract
    EXPECT_TRUE(value != nullptr && *value == 3);
}

TEST(Channel, SizeAndCapacityCountBufferedValues) {
    const Channel<int> ch(3);
    EXPECT_EQ(ch.size(), 0U);
    EXPECT_EQ(ch.capacity(), 3U);
    EXPECT_TRUE(ch.try_send(1) && ch.try_send(2));
    EXPECT_EQ(ch.size(), 2U);
    EXPECT_EQ(ch.sender().size(), 2U);
    EXPECT_EQ(ch.receiver().capacity(), 3U);
    const Channel<int> nil;
    EXPECT_EQ(nil.size(), 0U);
    EXPECT_EQ(nil.capacity(), 0U);
}

TEST(Channel, CopiesAreTheSameChannel) {
    const Channel<int> ch(1);
    const Channel<int> copy = ch;  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
    EXPECT_EQ(ch, copy);
    EXPECT_NE(ch, Channel<int>(1));
    EXPECT_EQ(Channel<int>(), Channel<int>());
    EXPECT_TRUE(copy.try_send(4));
    EXPECT_EQ(ch.receiver().try_recv(), 4);
    EXPECT_TRUE(ch);
    EXPECT_FALSE(Channel<int>());
}

TEST(Channel, TryRecvAndTrySendOnNilFindNothing) {
    const Channel<int> nil;
    EXPECT_FALSE(nil.try_send(1));
    EXPECT_EQ(nil.try_recv().error(), RecvError::empty);
}

TEST(Channel, CloseOfANilOrClosedChannelPanics) {
    const Channel<int> nil;
    EXPECT_THROW(nil.close(), Panic);
    const Channel<int> ch(1);
    ch.close();
    EXPECT_THROW(ch.close(), Panic);
    EXPECT_THROW(ch.sender().close(), Panic);
}

TEST(Channel, SendOnAClosedChannelPanics) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const Channel<int> ch(1);
        ch.close();
        EXPECT_THROW(ch.try_send(1), Panic);
        bool panicked = false;
        try {
            co_await ch.send(1);
        } catch (const Panic&) {
            panicked = true;
        }
        EXPECT_TRUE(panicked);
    }());
}

TEST(Channel, AnAbsurdCapacityPanics) {
    EXPECT_THROW(Channel<int>(~std::size_t{0}), Panic);
}

TEST(Channel, ANilChannelBlocksForEverInEitherDirection) {
    Scheduler scheduler({.workers = 1});
    scheduler.run([]() -> Task<void> {
        const Channel<int> nil;
        go([nil]() -> Task<void> { co_await nil.send(1); });
        go([nil]() -> Task<void> { co_await nil.recv(); });
        co_await until_parked("chan send (nil chan)");
        co_await until_parked("chan receive (nil chan)");
    }());
    EXPECT_EQ(scheduler.abandoned().size(), 2U);
}

TEST(Channel, ValuesLeftInTheBufferAreDestroyedWithIt) {
    const auto value = std::make_shared<int>(1);
    {
        const Channel<std::shared_ptr<int>> ch(4);
        EXPECT_TRUE(ch.try_send(value) && ch.try_send(value));
        EXPECT_EQ(value.use_count(), 3);
    }
    EXPECT_EQ(value.use_count(), 1);
}

// As long as senders wait the buffer is full, for who looks without the lock, too.
TEST(Channel, IsNeverSeenEmptyWhileSendersWait) {
    constexpr int kSenders = 1000;
    Scheduler scheduler({.workers = 3});
    scheduler.run([]() -> Task<void> {
        const Channel<int> ch(1);
        WaitGroup senders;
        for (int i = 0; i < kSenders; ++i) {
            senders.go([ch]() -> Task<void> { co_await ch.send(1); });
        }
        co_await until_parked("chan send", kSenders - 1);
        WaitGroup receivers;
        for (int i = 0; i < 2; ++i) {
            receivers.go([ch]() -> Task<void> {
                for (int k = 0; k < kSenders / 2; ++k) {
                    EXPECT_TRUE(ch.try_recv().has_value());
                }
                co_return;
            });
        }
        co_await receivers.wait();
        co_await senders.wait();
    }());
}

}  // namespace
}  // namespace mynah::conc
