// Programs made of channels: Go's folder test/chan.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/select_case.hpp"
#include "tests/conc/go/fixture.hpp"
#include "tests/conc/go/power_series.hpp"

namespace mynah::conc {
namespace {

class ChanProgramsTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(ChanProgramsTest);

// Go: test/chan/fifo.go, with a buffer.
TEST_P(ChanProgramsTest, FifoAsynchronous) {
    run([]() -> Task<void> {
        const Channel<int> ch(10);
        for (int i = 0; i < 10; ++i) {
            co_await ch.send(i);
        }
        for (int i = 0; i < 10; ++i) {
            const auto value = co_await ch.recv();
            EXPECT_EQ(value, i);
        }
    });
}

Task<void> receive_in_turn(Channel<int> ch, int expected, Channel<Unit> turn, Channel<Unit> next) {
    co_await turn.recv();
    const auto value = co_await ch.recv();
    EXPECT_EQ(value, expected);
    co_await next.send(Unit());
}

// Go: test/chan/fifo.go, without a buffer: a chain of tasks, each of which takes the value whose turn it is.
TEST_P(ChanProgramsTest, FifoSynchronous) {
    run([]() -> Task<void> {
        const Channel<int> ch(0);
        const Channel<Unit> start(0);
        Channel<Unit> last = start;
        for (int i = 0; i < 10; ++i) {
            const Channel<Unit> next(0);
            go(receive_in_turn, ch, i, last, next);
            last = next;
        }
        co_await start.send(Unit());
        for (int i = 0; i < 10; ++i) {
            co_await ch.send(i);
        }
        co_await last.recv();
    });
}

// Go: test/chan/goroutines.go. One value travels through ten thousand tasks.
TEST_P(ChanProgramsTest, Goroutines) {
    run([]() -> Task<void> {
        const Channel<int> leftmost(0);
        Channel<int> left = leftmost;
        for (int i = 0; i < scaled(10'000); ++i) {
            const Channel<int> right(0);
            go([left, right]() -> Task<void> {
                const auto value = co_await right.recv();
                co_await left.send(*value + 1);
            });
            left = right;
        }
        go([left]() -> Task<void> { co_await left.send(0); });
        const auto arrived = co_await leftmost.recv();
        EXPECT_EQ(arrived, scaled(10'000));
    });
}

template <class T>
Task<void> send_without_waiting(std::size_t capacity, T value) {
    const Channel<T> ch(capacity);
    const Channel<bool> strobe(0);
    EXPECT_EQ(ch.try_recv().error(), RecvError::empty);
    go([=]() -> Task<void> {
        const auto received = co_await ch.recv();
        EXPECT_EQ(received, value);
        co_await strobe.send(true);
    });
    while (!ch.try_send(value)) {
        co_await yield();
    }
    co_await strobe.recv();
}

template <class T>
Task<void> receive_without_waiting(std::size_t capacity, T value) {
    const Channel<T> ch(capacity);
    const Channel<bool> strobe(1);
    go([=]() -> Task<void> {
        co_await ch.send(value);
        co_await strobe.send(true);
    });
    auto received = ch.try_recv();
    while (!received) {
        EXPECT_EQ(received.error(), RecvError::empty);
        co_await yield();
        received = ch.try_recv();
    }
    EXPECT_EQ(*received, value);
    co_await strobe.recv();
}

template <class T>
Task<void> without_waiting(T value) {
    for (const std::size_t capacity : {0U, 1U}) {
        co_await send_without_waiting(capacity, value);
        co_await receive_without_waiting(capacity, value);
    }
}

// Go: test/chan/nonblock.go.
TEST_P(ChanProgramsTest, Nonblock) {
    run([]() -> Task<void> {
        co_await without_waiting<std::int32_t>(123);
        co_await without_waiting<std::int64_t>(123'456'789'012);
        co_await without_waiting(true);
        co_await without_waiting<std::string>("a string that is too long to be kept in place");
    });
}

// Go: test/chan/zerosize.go, and that such values are counted all the same.
TEST_P(ChanProgramsTest, Zerosize) {
    run([]() -> Task<void> {
        struct Nothing {};
        static_assert(std::is_empty_v<Nothing>);
        for (const std::size_t capacity : {0U, 1U, 5U}) {
            const Channel<Nothing> ch(capacity);
            go([ch]() -> Task<void> {
                for (int i = 0; i < 20; ++i) {
                    co_await ch.send(Nothing());
                }
                ch.close();
            });
            int received = 0;
            while (const auto value = co_await ch.recv()) {
                ++received;
            }
            EXPECT_EQ(received, 20);
        }
    });
}

const std::vector<int> kPrimes = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37, 41,
                                  43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97};

Task<void> pass_all_but_multiples(Receiver<int> in, Sender<int> out, int prime) {
    while (const auto value = co_await in.recv()) {
        if (*value % prime != 0) {
            co_await out.send(*value);
        }
    }
    out.close();
}

// Go: test/chan/sieve1.go. The chain of filters ends with its numbers.
TEST_P(ChanProgramsTest, Sieve1) {
    run([]() -> Task<void> {
        Channel<int> numbers(0);
        go([numbers]() -> Task<void> {
            for (int value = 2; value < 100; ++value) {
                co_await numbers.send(value);
            }
            numbers.close();
        });
        std::vector<int> primes;
        while (const auto prime = co_await numbers.recv()) {
            primes.push_back(*prime);
            const Channel<int> next(0);
            go(pass_all_but_multiples, numbers.receiver(), next.sender(), *prime);
            numbers = next;
        }
        EXPECT_EQ(primes, kPrimes);
    });
}

Task<void> count_up(Sender<int> to, int first, int step) {
    for (int value = first;; value += step) {
        co_await to.send(value);
    }
}

/// Passes on in order, without ever keeping who sends waiting.
Task<void> buffer_without_end(Receiver<int> in, Sender<int> out) {
    std::deque<int> held;
    for (;;) {
        const Sender<int> to = held.empty() ? Sender<int>() : out;
        auto s = co_await select(in.recv_case(), to.send_case(held.empty() ? 0 : held.front()));
        if (s.index() == 0) {
            held.push_back(*s.get<0>());
        } else {
            held.pop_front();
        }
    }
}

/// Merges the odd multiples of the primes that it is given into one ascending sequence, each number once.
Task<void> merge_multiples(Receiver<int> primes, Sender<int> composites) {
    struct Head {
        int value;
        Channel<int> rest;
        bool operator>(const Head& other) const { return value > other.value; }
    };
    std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
    auto prime = co_await primes.recv();
    for (int last = 0;;) {
        // The multiples of a prime begin with its square, so it is taken in as soon as that is next.
        while (heads.empty() || heads.top().value >= *prime * *prime) {
            const Channel<int> multiples(10);
            go(count_up, multiples.sender(), *prime * *prime, 2 * *prime);
            const auto first = co_await multiples.recv();
            heads.push(Head{*first, multiples});
            prime = co_await primes.recv();
        }
        Head least = heads.top();
        heads.pop();
        if (least.value != last) {
            last = least.value;
            co_await composites.send(last);
        }
        const auto following = co_await least.rest.recv();
        least.value = *following;
        heads.push(least);
    }
}

Task<void> sieve_odds(Receiver<int> composites, Sender<int> out, Sender<int> primes) {
    auto composite = co_await composites.recv();
    for (int candidate = 5;; candidate += 2) {
        if (candidate == *composite) {
            composite = co_await composites.recv();
        } else {
            co_await primes.send(candidate);
            co_await out.send(candidate);
        }
    }
}

// Go: test/chan/sieve2.go. The primes found are fed back to strike out their multiples; main leaves the endless loop.
TEST_P(ChanProgramsTest, Sieve2) {
    run_and_abandon_others([]() -> Task<void> {
        const Channel<int> out(10);
        const Channel<int> composites(50);
        const Channel<int> fed_back(10);
        const Channel<int> primes(10);
        co_await out.send(2);
        co_await out.send(3);
        co_await primes.send(3);
        co_await fed_back.send(5);
        go(buffer_without_end, fed_back.receiver(), primes.sender());
        go(merge_multiples, primes.receiver(), composites.sender());
        go(sieve_odds, composites.receiver(), out.sender(), fed_back.sender());
        for (const int expected : kPrimes) {
            const auto prime = co_await out.recv();
            EXPECT_EQ(prime, expected);
        }
    });
}

template <class Item>
struct PowerSeries {
    using Series = powser::Algebra<Item>;
    using Rational = powser::Rational;

    struct Row {
        std::string name;
        typename Series::Series series;
        std::vector<Rational> coefficients;
    };

    /// Starts the tasks of all series.
    static std::vector<Row> rows() {
        const Rational one{1, 1};
        const Rational two{2, 1};
        const auto ones = [one] { return Series::repeat(one); };
        const auto twos = [two] { return Series::repeat(two); };
        const std::vector<Rational> counting = {one, two, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 1}};
        return {
            {"1/(1-x)", ones(), {one, one, one, one, one}},
            {"a sum", Series::add(ones(), twos()), {{3, 1}, {3, 1}, {3, 1}, {3, 1}}},
            {"a difference", Series::subtract(ones(), twos()), {{-1, 1}, {-1, 1}, {-1, 1}}},
            {"a derivative", Series::differentiate(ones()), counting},
            {"an integral", Series::integrate({0, 1}, ones()), {{0, 1}, one, {1, 2}, {1, 3}, {1, 4}}},
            {"a multiple", Series::scale({-1, 1}, twos()), {{-2, 1}, {-2, 1}}},
            {"a product", Series::multiply(ones(), ones()), counting},
            {"an exponential",
             Series::exponential(ones()),
             {one, one, {3, 2}, {13, 6}, {73, 24}, {167, 40}, {4051, 720}, {37633, 5040}, {43817, 4480}}},
            {"the arc tangent",
             Series::integrate({0, 1}, Series::substitute(ones(), {-1, 1}, 2)),
             {{0, 1}, one, {0, 1}, {-1, 3}, {0, 1}, {1, 5}, {0, 1}, {-1, 7}}},
            {"a polynomial", Series::add(Series::poly({one, two}), Series::poly({two})), {{3, 1}, two}},
        };
    }

    static Task<void> check() {
        const std::vector<Row> all = rows();
        for (const Row& row : all) {
            for (std::size_t i = 0; i < row.coefficients.size(); ++i) {
                const auto term = co_await Series::next(row.series);
                EXPECT_EQ(term, row.coefficients[i]) << row.name << ", coefficient " << i;
            }
        }
        const auto end = co_await Series::next(all.back().series);
        EXPECT_EQ(end, std::nullopt) << "a polynomial ends";
    }
};

// Go: test/chan/powser1.go, where the coefficients travel as values.
TEST_P(ChanProgramsTest, Powser1) {
    run_and_abandon_others(PowerSeries<powser::Rational>::check);
}

// Go: test/chan/powser2.go, where they travel as pointers.
TEST_P(ChanProgramsTest, Powser2) {
    run_and_abandon_others(PowerSeries<std::shared_ptr<const powser::Rational>>::check);
}

}  // namespace
}  // namespace mynah::conc
