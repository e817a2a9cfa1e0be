// select: Go's runtime/chan_test.go and the programs test/chan/select*.go and doubleselect.go.
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
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

class SelectTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(SelectTest);

Task<void> look_at_both(Channel<int> a, Channel<int> b, Channel<bool> done) {
    const bool found = try_select(a.recv_case(), b.recv_case()).index() != no_case;
    co_await done.send(found);
}

/// From the start of look_at_both on at least one of its channels is ready at every moment.
Task<void> race_a_look(bool closes) {
    const Channel<bool> done(1);
    for (int round = 0; round < scaled(2000); ++round) {
        const Channel<int> a(1);
        const Channel<int> b(closes ? 0 : 1);
        co_await a.send(1);
        go(look_at_both, a, b, done);
        if (closes) {
            b.close();
        } else {
            co_await b.send(1);
        }
        std::ignore = try_select(a.recv_case());
        const auto found = co_await done.recv();
        EXPECT_EQ(found, true) << "no channel was ready in round " << round;
    }
}

// Go: runtime/chan_test.go TestNonblockSelectRace.
TEST_P(SelectTest, NonblockSelectRace) {
    run([] { return race_a_look(false); });
}

// Go: runtime/chan_test.go TestNonblockSelectRace2.
TEST_P(SelectTest, NonblockSelectRace2) {
    run([] { return race_a_look(true); });
}

/// Selects between a send of its own number and a receive, on the same channel.
Task<void> send_or_receive(Channel<int> ch, int self, Atomic<int>* exchanged) {
    for (int i = 0; i < scaled(1000); ++i) {
        std::optional<int> got;
        if (self == 0 || i % 2 == 0) {
            auto s = co_await select(ch.send_case(self), ch.recv_case());
            got = s.get<1>();
        } else {
            auto s = co_await select(ch.recv_case(), ch.send_case(self));
            got = s.get<0>();
        }
        EXPECT_FALSE(ch.capacity() == 0 && got == self) << "received from itself";
        exchanged->fetch_add(1);
    }
}

// Go: runtime/chan_test.go TestSelfSelect.
TEST_P(SelectTest, SelfSelect) {
    run([]() -> Task<void> {
        for (const std::size_t capacity : {0U, 10U}) {
            const Channel<int> ch(capacity);
            Atomic<int> exchanged{0};
            WaitGroup wg;
            wg.go(send_or_receive, ch, 0, &exchanged);
            wg.go(send_or_receive, ch, 1, &exchanged);
            co_await wg.wait();
            EXPECT_EQ(exchanged.load(), 2 * scaled(1000));
        }
    });
}

using Four = std::array<Channel<int>, 4>;

Task<void> send_to_all(Four ch, int each) {
    std::array<int, 4> sent{};
    for (int i = 0; i < 4 * each; ++i) {
        const auto s = co_await select(ch[0].send_case(1), ch[1].send_case(1), ch[2].send_case(1), ch[3].send_case(1));
        if (++sent[s.index()] == each) {
            ch[s.index()] = Channel<int>();
        }
    }
}

Task<void> receive_from_all(Four ch, int each, Atomic<int>* received) {
    std::array<int, 4> got{};
    for (int i = 0; i < 4 * each; ++i) {
        auto s = co_await select(ch[3].recv_case(), ch[2].recv_case(), ch[1].recv_case(), ch[0].recv_case());
        const std::size_t from = 3 - s.index();
        received->fetch_add(s.get<0>().value_or(0) + s.get<1>().value_or(0) + s.get<2>().value_or(0) +
                            s.get<3>().value_or(0));
        if (++got[from] == each) {
            ch[from] = Channel<int>();
        }
    }
}

// Go: runtime/chan_test.go TestSelectStress.
TEST_P(SelectTest, SelectStress) {
    run([]() -> Task<void> {
        const int each = scaled(3000);
        const Four ch{Channel<int>(0), Channel<int>(0), Channel<int>(2), Channel<int>(3)};
        Atomic<int> received{0};
        WaitGroup wg;
        for (const Channel<int>& one : ch) {
            wg.go([=]() -> Task<void> {
                for (int i = 0; i < each; ++i) {
                    co_await one.send(1);
                }
            });
            wg.go([=, &received]() -> Task<void> {
                for (int i = 0; i < each; ++i) {
                    const auto value = co_await one.recv();
                    received.fetch_add(value.value_or(0));
                }
            });
        }
        wg.go(send_to_all, ch, each);
        wg.go(receive_from_all, ch, each, &received);
        co_await wg.wait();
        EXPECT_EQ(received.load(), 8 * each);
    });
}

// Go: runtime/chan_test.go TestSelectFairness. The bound is wide enough for one failure in a million runs.
TEST_P(SelectTest, SelectFairness) {
    run([]() -> Task<void> {
        constexpr int kTrials = 5000;
        const Channel<int> never(0);
        const Channel<int> always(0);
        const Channel<int> zeros(kTrials + 1);
        const Channel<int> ones(kTrials + 1);
        for (int i = 0; i < kTrials + 1; ++i) {
            co_await zeros.send(0);
            co_await ones.send(1);
        }
        const Channel<int> out(0);
        const Channel<Unit> done(0);
        go([=]() -> Task<void> {
            for (bool more = true; more;) {
                auto s = co_await select(never.recv_case(), always.recv_case(), zeros.recv_case(), ones.recv_case());
                EXPECT_GE(s.index(), 2U);
                const auto next = co_await select(out.send_case(static_cast<int>(s.index()) - 2), done.recv_case());
                more = next.index() == 0;
            }
        });
        int sum = 0;
        for (int i = 0; i < kTrials; ++i) {
            const auto value = co_await out.recv();
            sum += *value;
        }
        done.close();
        const double share = static_cast<double>(sum) / kTrials;
        EXPECT_LE(std::abs(share - 0.5), 4.891676 / (2 * std::sqrt(kTrials))) << sum << " of " << kTrials;
    });
}

// Go: runtime/chan_test.go TestPseudoRandomSend, for cases that are ready when the select begins.
TEST_P(SelectTest, PseudoRandomSend) {
    run([]() -> Task<void> {
        constexpr int kCount = 200;
        const Channel<int> ch(kCount);
        int ones = 0;
        for (int i = 0; i < kCount; ++i) {
            co_await select(ch.send_case(0), ch.send_case(1));
        }
        for (int i = 0; i < kCount; ++i) {
            const auto value = co_await ch.recv();
            ones += *value;
        }
        EXPECT_GT(ones, kCount / 10);
        EXPECT_LT(ones, kCount - kCount / 10);
    });
}

// Go: runtime/chan_test.go TestPseudoRandomSend, for a select that waits: the case in front in the queue is taken.
TEST_P(SelectTest, PseudoRandomSendWhereItWaits) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        int ones = 0;
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            for (int i = 0; i < 200; ++i) {
                co_await yield();
                const auto value = co_await ch.recv();
                ones += *value;
            }
        });
        for (int i = 0; i < 200; ++i) {
            co_await select(ch.send_case(0), ch.send_case(1));
        }
        co_await wg.wait();
        EXPECT_GT(ones, 20);
        EXPECT_LT(ones, 180);
    });
}

// Go: runtime/chan_test.go TestSelectDuplicateChannel.
TEST_P(SelectTest, SelectDuplicateChannel) {
    run([]() -> Task<void> {
        const Channel<int> twice(0);
        const Channel<int> other(0);
        const Channel<int> told(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> {
            auto s = co_await select(twice.recv_case(), twice.recv_case(), other.recv_case());
            EXPECT_EQ(s.get<2>(), 7);
            co_await told.send(9);
        });
        co_await until_parked("select");
        wg.go([&]() -> Task<void> {
            const auto value = co_await twice.recv();
            EXPECT_EQ(value, 8);
        });
        co_await until_parked("chan receive");
        co_await other.send(7);
        const auto nine = co_await told.recv();
        EXPECT_EQ(nine, 9);
        co_await twice.send(8);
        co_await wg.wait();
    });
}

// Go: test/chan/select.go. Each send takes its channel out of the select.
TEST_P(SelectTest, SelectUntilNoCaseIsLeft) {
    run([]() -> Task<void> {
        const auto offer = [](Channel<unsigned> a, Channel<unsigned> b) {
            std::vector<unsigned> sent;
            for (unsigned bit = 1;; bit <<= 1U) {
                const std::size_t index = try_select(a.send_case(bit), b.send_case(bit)).index();
                if (index == no_case) {
                    return sent;
                }
                (index == 0 ? a : b) = Channel<unsigned>();
                sent.push_back(bit);
            }
        };
        const Channel<unsigned> a(1);
        const Channel<unsigned> b(1);
        EXPECT_EQ(offer(a, b).size(), 2U);
        const auto from_a = co_await a.recv();
        const auto from_b = co_await b.recv();
        EXPECT_EQ(*from_a | *from_b, 3U);
        EXPECT_EQ(offer(a, Channel<unsigned>()).size(), 1U);
    });
}

// Go: test/chan/select2.go. A channel that stands in many selects and is never chosen gathers nothing: it may go, and
// nothing can be sent to who waited there.
TEST_P(SelectTest, Select2LosersLeaveNothingBehind) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        const Channel<int> dummy(0);
        const int count = scaled(5000);
        WaitGroup wg;
        wg.go([=]() -> Task<void> {
            for (int i = 0; i < count; ++i) {
                co_await ch.send(i);
            }
        });
        for (int i = 0; i < count; ++i) {
            auto s = co_await select(ch.recv_case(), dummy.recv_case());
            EXPECT_EQ(s.get<0>(), i);
        }
        co_await wg.wait();
        EXPECT_FALSE(dummy.try_send(1));
    });
}

// Go: test/chan/select4.go. What the cases that were not taken would have received is left alone.
TEST_P(SelectTest, Select4OnlyTheTakenCaseReceives) {
    run([]() -> Task<void> {
        const Channel<int> empty(0);
        const Channel<int> ready(1);
        co_await ready.send(42);
        auto s = co_await select(empty.recv_case(), ready.recv_case());
        EXPECT_EQ(s.get<0>(), std::nullopt);
        EXPECT_EQ(s.get<1>(), 42);
    });
}

// Go: test/chan/select6.go. Who selects between two channels leaves the queue of the one that lost, where somebody
// stands before it.
TEST_P(SelectTest, Select6LoserLeavesTheMiddleOfAQueue) {
    run([]() -> Task<void> {
        const Channel<bool> queue(0);
        const Channel<bool> other(0);
        const Channel<bool> told(0);
        WaitGroup wg;
        wg.go([&]() -> Task<void> { co_await queue.recv(); });
        co_await until_parked("chan receive");
        wg.go([&]() -> Task<void> {
            auto s = co_await select(queue.recv_case(), other.recv_case());
            EXPECT_EQ(s.index(), 1U);
            co_await told.send(true);
            co_await queue.recv();
        });
        co_await until_parked("select");
        wg.go([&]() -> Task<void> { co_await other.send(true); });
        co_await told.recv();
        co_await queue.send(true);
        co_await queue.send(true);
        co_await wg.wait();
    });
}

Task<void> receives(Channel<int> ch, int way) {
    if (way == 0) {
        const auto value = co_await ch.recv();
        EXPECT_EQ(value, 1);
    } else if (way == 1) {
        auto s = co_await select(ch.recv_case());
        EXPECT_EQ(s.get<0>(), 1);
    } else {
        auto s = co_await select(ch.recv_case(), Channel<int>(0).recv_case());
        EXPECT_EQ(s.get<0>(), 1);
    }
}

Task<void> sends(Channel<int> ch, int way) {
    if (way == 0) {
        co_await ch.send(1);
    } else if (way == 1) {
        co_await select(ch.send_case(1));
    } else {
        co_await select(ch.send_case(1), Channel<int>(0).send_case(2));
    }
}

// Go: test/chan/select7.go. Every way to receive meets every way to send.
TEST_P(SelectTest, Select7EveryWayMeetsEveryWay) {
    run([]() -> Task<void> {
        for (int receiving = 0; receiving < 3; ++receiving) {
            for (int sending = 0; sending < 3; ++sending) {
                const Channel<int> ch(0);
                WaitGroup wg;
                wg.go(receives, ch, receiving);
                co_await yield();
                co_await sends(ch, sending);
                co_await wg.wait();
            }
        }
    });
}

// Go: test/chan/select8.go. A select in a loop beside an endless sender, left in the middle.
TEST_P(SelectTest, Select8BesideAnEndlessSender) {
    run_and_abandon_others([]() -> Task<void> {
        const Channel<int> ch(0);
        go([ch]() -> Task<void> {
            for (;;) {
                co_await ch.send(5);
            }
        });
        auto waited = co_await select(ch.recv_case());
        EXPECT_EQ(waited.get<0>(), 5);
        for (int i = 0; i < 10; ++i) {
            auto looked = try_select(ch.recv_case());
            EXPECT_TRUE(looked.index() == no_case || looked.get<0>() == 5);
            auto both = try_select(ch.recv_case(), ch.send_case(10));
            EXPECT_NE(both.index(), 1U) << "nobody receives";
        }
    });
}

// Go: test/chan/doubleselect.go.
TEST_P(SelectTest, Doubleselect) {
    run([]() -> Task<void> {
        const int count = scaled(5000);
        const Four ch{Channel<int>(0), Channel<int>(0), Channel<int>(0), Channel<int>(0)};
        const Channel<int> merged(0);
        const Channel<bool> done(0);
        go([=]() -> Task<void> {
            for (int i = 0; i < count; ++i) {
                co_await select(ch[0].send_case(i), ch[1].send_case(i), ch[2].send_case(i), ch[3].send_case(i));
            }
            for (const Channel<int>& one : ch) {
                one.close();
            }
        });
        for (const Channel<int>& one : ch) {
            go([=]() -> Task<void> {
                while (const auto value = co_await one.recv()) {
                    co_await merged.send(*value);
                }
                co_await done.send(true);
            });
        }
        go([=]() -> Task<void> {
            for (std::size_t i = 0; i < ch.size(); ++i) {
                co_await done.recv();
            }
            merged.close();
        });
        std::vector<int> seen(static_cast<std::size_t>(count), 0);
        while (const auto value = co_await merged.recv()) {
            ++seen[static_cast<std::size_t>(*value)];
        }
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
    });
}

}  // namespace
}  // namespace mynah::conc
