#include "conc/select.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"
#include "tests/support/run_task.hpp"

namespace mynah::conc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class SelectTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(SelectTest);

TEST_P(SelectTest, TakesTheCaseThatIsReady) {
    run([]() -> Task<void> {
        const Channel<int> numbers(1);
        const Channel<std::string> words(1);
        co_await words.send("word");
        auto received = co_await select(numbers.recv_case(), words.recv_case());
        EXPECT_EQ(received.index(), 1U);
        EXPECT_EQ(received.get<0>(), std::nullopt);
        EXPECT_EQ(received.get<1>(), "word");
        const auto sent = co_await select(words.recv_case(), numbers.send_case(5));
        EXPECT_EQ(sent.index(), 1U);
        EXPECT_EQ(numbers.try_recv(), 5);
    });
}

TEST_P(SelectTest, WaitsUntilACaseIsReady) {
    run([]() -> Task<void> {
        const Channel<int> a(0);
        const Channel<int> b(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto received = co_await select(a.recv_case(), b.recv_case());
            EXPECT_EQ(received.index(), 1U);
            EXPECT_EQ(received.get<1>(), 8);
            const auto sent = co_await select(a.recv_case(), b.send_case(9));
            EXPECT_EQ(sent.index(), 1U);
        });
        co_await until_parked("select");
        co_await b.send(8);
        co_await until_parked("select");
        const auto value = co_await b.recv();
        EXPECT_EQ(value, 9);
        co_await wg.wait();
    });
}

TEST_P(SelectTest, ACaseThatLostLeavesNothingBehind) {
    run([]() -> Task<void> {
        const Channel<int> a(0);
        const Channel<int> b(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto first = co_await select(a.recv_case(), b.recv_case(), a.send_case(1), after(hours(1)));
            EXPECT_EQ(first.index(), 1U);
        });
        co_await until_parked("select");
        co_await b.send(1);
        co_await wg.wait();
        EXPECT_FALSE(a.try_send(2));
        EXPECT_EQ(a.try_recv().error(), RecvError::empty);
        EXPECT_FALSE(b.try_send(2));
    });
}

TEST_P(SelectTest, CloseMakesARecvCaseReady) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto s = co_await select(ch.recv_case(), after(hours(1)));
            EXPECT_EQ(s.index(), 0U);
            EXPECT_EQ(s.get<0>(), std::nullopt);
        });
        co_await until_parked("select");
        ch.close();
        co_await wg.wait();
        const auto again = co_await select(ch.recv_case(), after(hours(1)));
        EXPECT_EQ(again.index(), 0U);
    });
}

TEST_P(SelectTest, ASendCaseOnAClosedChannelIsReadyAndPanics) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            for (int attempt = 0; attempt < 2;
                 ++attempt) {  // the first waits for the close, the second finds it closed
                bool panicked = false;
                try {
                    co_await select(ch.send_case(1), after(hours(1)));
                } catch (const Panic& panic) {
                    EXPECT_STREQ(panic.what(), "send on closed channel");
                    panicked = true;
                }
                EXPECT_TRUE(panicked);
            }
        });
        co_await until_parked("select");
        ch.close();
        co_await wg.wait();
        EXPECT_THROW(try_select(ch.send_case(1)), Panic);
    });
}

TEST_P(SelectTest, NilCasesAreNeverReady) {
    run(
        []() -> Task<void> {
            const Channel<int> nil;
            const Channel<int> ch(1);
            co_await ch.send(1);
            for (int i = 0; i < 20; ++i) {
                EXPECT_EQ(try_select(nil.recv_case(), nil.send_case(1)).index(), no_case);
            }
            const auto s = co_await select(nil.recv_case(), nil.send_case(1), ch.recv_case());
            EXPECT_EQ(s.index(), 2U);
            const auto timed = co_await select(nil.recv_case(), after(milliseconds(1)));
            EXPECT_EQ(timed.index(), 1U);
        },
        50);
}

// Go's TestNonblockSelectRace: of two channels at least one is ready at every moment, and a select that looks at one
// after the other would miss both.
TEST_P(SelectTest, DecidesOnOneInstant) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(3000); ++round) {
            const Channel<int> a(1);
            const Channel<int> b(1);
            co_await a.send(1);
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                EXPECT_NE(try_select(a.recv_case(), b.recv_case()).index(), no_case);
                co_return;
            });
            co_await b.send(1);
            std::ignore = try_select(a.recv_case());
            co_await wg.wait();
        }
    });
}

// Go's TestSelfSelect: both tasks offer and take on one channel; a value never comes back to who sent it.
TEST_P(SelectTest, DoesNotPairWithItself) {
    run([this]() -> Task<void> {
        for (const std::size_t capacity : {0U, 10U}) {
            const Channel<int> ch(capacity);
            const int each = rounds(1000) + 9;
            WaitGroup wg;
            for (int self = 0; self < 2; ++self) {
                wg.go([&, self]() -> Task<void> {
                    for (int i = 0; i < each; ++i) {
                        if (self == 0 || i % 2 == 0) {
                            auto s = co_await select(ch.send_case(self), ch.recv_case(), after(milliseconds(1)));
                            EXPECT_FALSE(capacity == 0 && s.index() == 1 && s.get<1>() == self);
                        } else {
                            auto s = co_await select(ch.recv_case(), ch.send_case(self), after(milliseconds(1)));
                            EXPECT_FALSE(capacity == 0 && s.index() == 0 && s.get<0>() == self);
                        }
                    }
                });
            }
            co_await wg.wait();
        }
    });
}

// Go's TestSelectDuplicateChannel: the waiter that stands twice leaves the queue without tearing it.
TEST_P(SelectTest, TheSameChannelMayStandInItTwice) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        const Channel<int> other(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto s = co_await select(ch.recv_case(), ch.recv_case(), other.recv_case());
            EXPECT_EQ(s.index(), 2U);
        });
        co_await until_parked("select");
        wg.go([&]() -> Task<void> {
            const auto value = co_await ch.recv();
            EXPECT_EQ(value, 3);
        });
        co_await until_parked("chan receive");
        co_await other.send(7);
        co_await until([] { return tasks_in("select") == 0; });
        co_await ch.send(3);
        co_await wg.wait();
    });
}

// Go's test/chan/doubleselect.go: a sender that offers one value on four channels delivers it once.
TEST_P(SelectTest, AValueOfferedOnManyChannelsIsDeliveredOnce) {
    run([this]() -> Task<void> {
        const std::array<Channel<int>, 4> ch{Channel<int>(0), Channel<int>(0), Channel<int>(0), Channel<int>(0)};
        const int count = simulated() ? 40 : 5000;
        const Channel<int> merged(0);
        WaitGroup wg;
        for (const Channel<int>& each : ch) {
            wg.go([each, merged]() -> Task<void> {
                while (const auto value = co_await each.recv()) {
                    co_await merged.send(*value);
                }
            });
        }
        go([&]() -> Task<void> {
            for (int i = 0; i < count; ++i) {
                co_await select(ch[0].send_case(i), ch[1].send_case(i), ch[2].send_case(i), ch[3].send_case(i));
            }
            for (const Channel<int>& each : ch) {
                each.close();
            }
            co_await wg.wait();
            merged.close();
        });
        std::vector<int> seen(static_cast<std::size_t>(count), 0);
        while (const auto value = co_await merged.recv()) {
            ++seen[static_cast<std::size_t>(*value)];
        }
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
    });
}

// boost.cobalt 206: a value lost in a race over three channels.
TEST_P(SelectTest, AThreeWayRaceLosesNoValue) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(1000); ++round) {
            const std::array<Channel<int>, 3> ch{Channel<int>(0), Channel<int>(1), Channel<int>(0)};
            WaitGroup senders;
            for (int i = 0; i < 3; ++i) {
                senders.go([&ch, i]() -> Task<void> { co_await ch[static_cast<std::size_t>(i)].send(1 << i); });
            }
            int sum = 0;
            for (int i = 0; i < 3; ++i) {
                auto s = co_await select(ch[0].recv_case(), ch[1].recv_case(), ch[2].recv_case());
                sum += s.get<0>().value_or(0) + s.get<1>().value_or(0) + s.get<2>().value_or(0);
            }
            EXPECT_EQ(sum, 7);
            co_await senders.wait();
        }
    });
}

TEST_P(SelectTest, AfterComesNotBeforeItsTime) {
    run(
        []() -> Task<void> {
            const Channel<int> never(0);
            const TimePoint start = now();
            const auto s = co_await select(never.recv_case(), after(milliseconds(5)), never.send_case(1));
            EXPECT_EQ(s.index(), 1U);
            EXPECT_GE(now() - start, milliseconds(5));
            const auto nearest = co_await select(after(hours(1)), after(milliseconds(2)), after(hours(2)));
            EXPECT_EQ(nearest.index(), 1U);
            const auto at_once = co_await select(never.recv_case(), after(milliseconds(-1)));
            EXPECT_EQ(at_once.index(), 1U);
        },
        20);
}

TEST_P(SelectTest, TakesAsManyCasesAsThereAreAtRunTime) {
    run(
        []() -> Task<void> {
            for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{60}}) {
                std::vector<Channel<int>> channels;
                for (std::size_t i = 0; i < count; ++i) {
                    channels.emplace_back(0);
                }
                WaitGroup wg;
                for (std::size_t i = 0; i < count; ++i) {
                    wg.go([&channels, i]() -> Task<void> { co_await channels[i].send(static_cast<int>(i)); });
                }
                std::vector<int> seen(count, 0);
                for (std::size_t i = 0; i < count; ++i) {
                    std::vector<Case> cases;
                    for (const Channel<int>& each : channels) {
                        cases.emplace_back(each.recv_case());
                    }
                    cases.emplace_back(after(hours(1)));
                    const std::size_t index = co_await select(std::span<Case>(cases));
                    const auto value = index < count ? cases[index].take<int>() : std::nullopt;
                    EXPECT_EQ(value, static_cast<int>(index));
                    ++seen[static_cast<std::size_t>(value.value_or(0))];
                }
                EXPECT_EQ(seen, std::vector<int>(count, 1));
                co_await wg.wait();
            }
        },
        30);
}

TEST_P(SelectTest, MoveOnlyValuesPass) {
    run(
        []() -> Task<void> {
            const Channel<std::unique_ptr<int>> ch(0);
            WaitGroup wg;
            wg.go([&]() -> Task<void> { co_await select(ch.send_case(std::make_unique<int>(4)), after(hours(1))); });
            auto s = co_await select(after(hours(1)), ch.recv_case());
            EXPECT_EQ(s.index(), 1U);
            EXPECT_TRUE(s.get<1>() && *s.get<1>() && **s.get<1>() == 4);
            co_await wg.wait();
        },
        50);
}

/// What a thousand selects over two ready cases chose.
struct Choices {
    std::array<int, 2> taken{};
    bool even() const { return taken[0] > 400 && taken[1] > 400; }  // 6.3 standard deviations of a fair coin
};

TEST(Select, ChoosesEvenlyAmongTheCasesThatAreReady) {
    const Choices received = test::run_task({.workers = 1}, []() -> Task<Choices> {
        const Channel<int> a(1000);
        const Channel<int> b(1000);
        for (int i = 0; i < 1000; ++i) {
            co_await a.send(0);
            co_await b.send(1);
        }
        const Channel<int> never(0);
        Choices choices;
        for (int i = 0; i < 1000; ++i) {
            auto s = co_await select(never.recv_case(), a.recv_case(), b.recv_case());
            ++choices.taken[s.index() - 1];
        }
        co_return choices;
    }());
    EXPECT_TRUE(received.even()) << received.taken[0] << " and " << received.taken[1];

    const Choices sent = test::run_task({.workers = 1}, []() -> Task<Choices> {
        const Channel<int> bits(1000);
        for (int i = 0; i < 1000; ++i) {
            co_await select(bits.send_case(0), bits.send_case(1));
        }
        Choices choices;
        for (int i = 0; i < 1000; ++i) {
            const auto bit = co_await bits.recv();
            ++choices.taken[static_cast<std::size_t>(*bit)];
        }
        co_return choices;
    }());
    EXPECT_TRUE(sent.even()) << sent.taken[0] << " and " << sent.taken[1];
}

TEST(Select, WithoutCasesBlocksForEver) {
    Scheduler scheduler({.workers = 1});
    scheduler.run([]() -> Task<void> {
        go([]() -> Task<void> { co_await select(); });
        go([]() -> Task<void> { co_await select(std::span<Case>()); });
        co_await until_parked("select (no cases)", 2);
    }());
    EXPECT_EQ(scheduler.abandoned().size(), 2U);
}

TEST(Select, TrySelectWithoutCasesFindsNone) {
    EXPECT_EQ(try_select().index(), no_case);
}

TEST(Select, TrySelectTakesWhatIsReadyAndNeverWaits) {
    test::run_task({.workers = 1}, []() -> Task<void> {
        const Channel<int> ch(1);
        EXPECT_EQ(try_select(ch.recv_case(), after(hours(1))).index(), no_case);
        EXPECT_EQ(try_select(ch.send_case(6)).index(), 0U);
        EXPECT_EQ(try_select(ch.send_case(7)).index(), no_case);
        auto s = try_select(ch.recv_case());
        EXPECT_EQ(s.index(), 0U);
        EXPECT_EQ(s.get<0>(), 6);
        EXPECT_EQ(try_select(after(milliseconds(0))).index(), 0U);
        co_return;
    }());
}

TEST(Select, ACaseAskedForAnotherTypePanics) {
    Case number(Channel<int>(1).recv_case());
    EXPECT_EQ(number.take<int>(), std::nullopt);
    EXPECT_THROW(number.take<std::string>(), Panic);
    Case timer(after(milliseconds(1)));
    EXPECT_THROW(timer.take<int>(), Panic);
}

}  // namespace
}  // namespace mynah::conc
