// The one invariant above all: a value that was sent is received exactly once, whatever timeouts and cancels race it.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class ExactlyOnceTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ExactlyOnceTest);

/// What was sent and what was received, each value with its count.
class Ledger {
  public:
    explicit Ledger(std::size_t values) : sent_(values, 0), received_(values, 0) {}

    Task<void> sent(std::vector<std::size_t> values) { return book(&sent_, std::move(values)); }
    Task<void> received(std::vector<std::size_t> values) { return book(&received_, std::move(values)); }

    void expect_balanced() const { EXPECT_EQ(sent_, received_); }
    std::size_t total() const {
        std::size_t sum = 0;
        for (const int count : received_) {
            sum += static_cast<std::size_t>(count);
        }
        return sum;
    }

  private:
    Task<void> book(std::vector<int>* page, std::vector<std::size_t> values) {
        const auto guard = co_await mutex_.lock();
        for (const std::size_t value : values) {
            ++(*page)[value];
        }
    }

    Mutex mutex_;
    std::vector<int> sent_;
    std::vector<int> received_;
};

constexpr std::size_t kPeers = 4;

/// Offers each value under a timeout that often wins; gives it up then. Ends at once when the context is cancelled.
Task<void> offer(Ledger* ledger, Channel<std::size_t> ch, Context ctx, std::size_t first, std::size_t end) {
    internal::Random random(first + 1);
    std::vector<std::size_t> mine;
    for (std::size_t value = first; value < end; ++value) {
        const auto patience = microseconds(random.below(30));
        const auto s = co_await select(ch.send_case(value), after(patience), ctx.done());
        if (s.index() == 0) {
            mine.push_back(value);
        } else if (s.index() == 2) {
            break;
        }
    }
    co_await ledger->sent(std::move(mine));
}

/// Receives under a timeout until the channel is closed.
Task<void> take(Ledger* ledger, Channel<std::size_t> ch, std::uint64_t seed) {
    internal::Random random(seed);
    std::vector<std::size_t> mine;
    for (;;) {
        const auto patience = microseconds(random.below(30));
        auto s = co_await select(after(patience), ch.recv_case());
        if (s.index() == 1) {
            if (!s.get<1>()) {
                break;
            }
            mine.push_back(*s.get<1>());
        }
    }
    co_await ledger->received(std::move(mine));
}

TEST_P(ExactlyOnceTest, UnderRacingTimeouts) {
    run([this]() -> Task<void> {
        const std::size_t each = simulated() ? 12 : 2000;
        for (const std::size_t capacity : {0U, 1U, 3U}) {
            Ledger ledger(kPeers * each);
            const Channel<std::size_t> ch(capacity);
            WaitGroup senders;
            WaitGroup receivers;
            for (std::size_t peer = 0; peer < kPeers; ++peer) {
                senders.go(offer, &ledger, ch, Context::background(), peer * each, (peer + 1) * each);
                receivers.go(take, &ledger, ch, peer + 100);
            }
            co_await senders.wait();
            ch.close();
            co_await receivers.wait();
            ledger.expect_balanced();
        }
    });
}

TEST_P(ExactlyOnceTest, UnderRacingCancels) {
    run([this]() -> Task<void> {
        std::uint64_t moment = 0;
        for (int round = 0; round < rounds(200); ++round) {
            constexpr std::size_t kEach = 8;
            Ledger ledger(kPeers * kEach);
            const Channel<std::size_t> ch(static_cast<std::size_t>(round % 3));
            const auto [ctx, cancel] = with_cancel(Context::background());
            WaitGroup senders;
            WaitGroup receivers;
            for (std::size_t peer = 0; peer < kPeers; ++peer) {
                senders.go(offer, &ledger, ch, ctx, peer * kEach, (peer + 1) * kEach);
                receivers.go(take, &ledger, ch, peer + 100);
            }
            moment = (moment + 17) % 60;
            co_await sleep_for(microseconds(moment));
            cancel();
            co_await senders.wait();
            ch.close();
            co_await receivers.wait();
            ledger.expect_balanced();
        }
    });
}

// tokio 5947: a send that was given up must not have taken its message along. Here each value is offered until it is
// taken, so all of them arrive, once.
TEST_P(ExactlyOnceTest, AnOfferThatTimedOutMayBeRepeated) {
    run([this]() -> Task<void> {
        const std::size_t each = simulated() ? 10 : 500;
        Ledger ledger(kPeers * each);
        const Channel<std::size_t> ch(0);
        WaitGroup senders;
        WaitGroup receivers;
        for (std::size_t peer = 0; peer < kPeers; ++peer) {
            senders.go([&, peer]() -> Task<void> {
                std::vector<std::size_t> mine;
                for (std::size_t value = peer * each; value < (peer + 1) * each;) {
                    const auto s = co_await select(ch.send_case(value), after(microseconds(1 + value % 7)));
                    if (s.index() == 0) {
                        mine.push_back(value++);
                    }
                }
                co_await ledger.sent(std::move(mine));
            });
            receivers.go(take, &ledger, ch, peer + 1);
        }
        co_await senders.wait();
        ch.close();
        co_await receivers.wait();
        ledger.expect_balanced();
        EXPECT_EQ(ledger.total(), kPeers * each);
    });
}

// The same value offered on two channels while both sides select and time out.
TEST_P(ExactlyOnceTest, AcrossTwoChannels) {
    run([this]() -> Task<void> {
        const std::size_t each = simulated() ? 12 : 2000;
        Ledger ledger(kPeers * each);
        const Channel<std::size_t> a(0);
        const Channel<std::size_t> b(1);
        const Channel<Unit> stop(0);
        WaitGroup senders;
        WaitGroup receivers;
        for (std::size_t peer = 0; peer < kPeers; ++peer) {
            senders.go([&, peer]() -> Task<void> {
                std::vector<std::size_t> mine;
                for (std::size_t value = peer * each; value < (peer + 1) * each; ++value) {
                    const auto s =
                        co_await select(a.send_case(value), b.send_case(value), after(microseconds(value % 11)));
                    if (s.index() != 2) {
                        mine.push_back(value);
                    }
                }
                co_await ledger.sent(std::move(mine));
            });
            receivers.go([&, peer]() -> Task<void> {
                std::vector<std::size_t> mine;
                for (bool more = true; more;) {
                    auto s = co_await select(a.recv_case(), b.recv_case(), after(microseconds(1 + peer * 5)),
                                             stop.recv_case());
                    if (s.index() < 2) {
                        mine.push_back(s.index() == 0 ? *s.get<0>() : *s.get<1>());
                    }
                    more = s.index() != 3;
                }
                co_await ledger.received(std::move(mine));
            });
        }
        co_await senders.wait();
        const auto drained = [&b] { return b.size() == 0; };
        co_await until(drained);
        stop.close();
        co_await receivers.wait();
        ledger.expect_balanced();
    });
}

// A channel that is closed while senders are at it: who returned without a Panic was received.
TEST_P(ExactlyOnceTest, UnderACloseThatRacesSenders) {
    run([this]() -> Task<void> {
        for (int round = 0; round < rounds(300); ++round) {
            constexpr std::size_t kEach = 6;
            Ledger ledger(kPeers * kEach);
            const Channel<std::size_t> ch(static_cast<std::size_t>(round % 3));
            internal::Atomic<bool> closing{false};
            WaitGroup wg;
            for (std::size_t peer = 0; peer < kPeers; ++peer) {
                wg.go([&, peer]() -> Task<void> {
                    std::vector<std::size_t> mine;
                    try {
                        for (std::size_t value = peer * kEach; value < (peer + 1) * kEach; ++value) {
                            co_await ch.send(value);
                            mine.push_back(value);
                        }
                    } catch (const Panic&) {
                        EXPECT_TRUE(closing.load());  // the value at hand was not sent
                    }
                    co_await ledger.sent(std::move(mine));
                });
                wg.go(take, &ledger, ch, peer + 1);
            }
            co_await sleep_for(microseconds(round % 40));
            closing.store(true);
            ch.close();
            co_await wg.wait();
            ledger.expect_balanced();
        }
    });
}

}  // namespace
}  // namespace mynah::conc
