// power_series.hpp -- power series as networks of tasks; the programs powser1 and powser2 compute with them.
//
// A Series is a pair of channels: who wants the next coefficient asks for it, and a task of its own answers. A series
// that has ended closes `terms` in place of an answer; it is not asked again. Most series never end, and neither do
// their tasks. Item is what travels: a Rational, or a pointer to one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "conc/conc.hpp"

namespace mynah::conc::powser {

/// In lowest terms, with a positive denominator.
struct Rational {
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;

    friend bool operator==(const Rational&, const Rational&) = default;
};

inline Rational ratio(std::int64_t numerator, std::int64_t denominator) {
    const std::int64_t common = std::gcd(numerator, denominator) * (denominator < 0 ? -1 : 1);
    return {numerator / common, denominator / common};
}
inline Rational operator+(Rational a, Rational b) {
    const std::int64_t common = std::gcd(a.denominator, b.denominator);
    return ratio(a.numerator * (b.denominator / common) + b.numerator * (a.denominator / common),
                 a.denominator / common * b.denominator);
}
inline Rational operator*(Rational a, Rational b) {
    const Rational left = ratio(a.numerator, b.denominator);  // reduced crosswise, so that the products stay small
    const Rational right = ratio(b.numerator, a.denominator);
    return {left.numerator * right.numerator, left.denominator * right.denominator};
}
inline Rational operator-(Rational a) {
    return {-a.numerator, a.denominator};
}

inline Rational value_of(const Rational& item) {
    return item;
}
inline Rational value_of(const std::shared_ptr<const Rational>& item) {
    return *item;
}
inline void make_item(Rational value, Rational& item) {
    item = value;
}
inline void make_item(Rational value, std::shared_ptr<const Rational>& item) {
    item = std::make_shared<const Rational>(value);
}

template <class Item>
class Algebra {
  public:
    struct Series {
        Series() : asks(0), terms(0) {}  // no aggregate, since those are passed in await expressions

        Channel<Unit> asks;
        Channel<Item> terms;
    };

    /// The next coefficient; nullopt where the series has ended.
    static Task<std::optional<Rational>> next(Series in) {
        co_await in.asks.send(Unit());
        const auto item = co_await in.terms.recv();
        co_return item ? std::optional(value_of(*item)) : std::nullopt;
    }

    static Series poly(std::vector<Rational> terms) {
        const Series out;
        go(give_all, std::move(terms), out);
        return out;
    }
    static Series repeat(Rational term) {
        const Series out;
        go(give_for_ever, term, out);
        return out;
    }
    static Series add(Series a, Series b) {
        const Series out;
        go(give_sum, a, b, out);
        return out;
    }
    static Series scale(Rational by, Series in) {
        const Series out;
        go(give_scaled, by, Rational{1, 1}, in, out);
        return out;
    }
    static Series subtract(Series a, Series b) { return add(a, scale({-1, 1}, b)); }
    /// in(c * x^n)
    static Series substitute(Series in, Rational c, int n) {
        const Series out;
        go(give_substituted, in, c, n, out);
        return out;
    }
    /// first + x * rest
    static Series prepend(Rational first, Series rest) {
        const Series out;
        go(give_prepended, first, rest, out);
        return out;
    }
    static Series differentiate(Series in) {
        const Series out;
        go(give_derivative, in, out);
        return out;
    }
    static Series integrate(Rational constant, Series in) {
        const Series out;
        go(give_integral, constant, in, out);
        return out;
    }
    static Series multiply(Series a, Series b) {
        const Series out;
        go(give_product, a, b, out);
        return out;
    }
    /// e^in, of a series whose constant term is 0: the solution of Z' = Z * in'.
    static Series exponential(Series in) {
        const Series loop;
        const Series out;
        go(give_to_both, integrate({1, 1}, multiply(loop, differentiate(in))), loop, out);
        return out;
    }
    /// Two series that are both `in`, read at different rates.
    static std::array<Series, 2> split(Series in) {
        const std::array<Series, 2> both;
        go(give_to_both, in, both[0], both[1]);
        return both;
    }

  private:
    /// Answers one question that was received.
    static Task<void> answer(Series out, Rational term) {
        Item item;
        make_item(term, item);
        co_await out.terms.send(std::move(item));
    }
    static Task<void> give(Series out, Rational term) {
        co_await out.asks.recv();
        co_await answer(out, term);
    }
    static Task<void> end(Series out) {
        co_await out.asks.recv();
        out.terms.close();
    }
    static Task<void> give_for_ever(Rational term, Series out) {
        for (;;) {
            co_await give(out, term);
        }
    }
    static Task<void> give_all(std::vector<Rational> terms, Series out) {
        for (const Rational& term : terms) {
            co_await give(out, term);
        }
        co_await end(out);
    }

    /// first * in, then by * in.
    static Task<void> give_scaled(Rational by, Rational and_by, Series in, Series out) {
        for (;;) {
            co_await out.asks.recv();
            const auto term = co_await next(in);
            if (!term) {
                break;
            }
            co_await answer(out, *term * by * and_by);
        }
        out.terms.close();
    }

    static Task<void> give_sum(Series a, Series b, Series out) {
        bool more_a = true;
        bool more_b = true;
        for (;;) {
            co_await out.asks.recv();
            std::optional<Rational> left;
            std::optional<Rational> right;
            if (more_a) {
                left = co_await next(a);
                more_a = left.has_value();
            }
            if (more_b) {
                right = co_await next(b);
                more_b = right.has_value();
            }
            if (!left && !right) {
                break;
            }
            co_await answer(out, left.value_or(Rational()) + right.value_or(Rational()));
        }
        out.terms.close();
    }

    static Task<void> give_substituted(Series in, Rational c, int n, Series out) {
        for (Rational power{1, 1};; power = power * c) {
            co_await out.asks.recv();
            const auto term = co_await next(in);
            if (!term) {
                break;
            }
            co_await answer(out, *term * power);
            for (int zero = 1; zero < n; ++zero) {
                co_await give(out, Rational());
            }
        }
        out.terms.close();
    }

    static Task<void> give_prepended(Rational first, Series rest, Series out) {
        co_await give(out, first);
        co_await give_scaled({1, 1}, {1, 1}, rest, out);
    }

    static Task<void> give_derivative(Series in, Series out) {
        co_await out.asks.recv();
        auto term = co_await next(in);
        for (std::int64_t power = 1; term; ++power) {
            term = co_await next(in);
            if (term) {
                co_await answer(out, *term * Rational{power, 1});
                co_await out.asks.recv();
            }
        }
        out.terms.close();
    }

    static Task<void> give_integral(Rational constant, Series in, Series out) {
        co_await give(out, constant);
        for (std::int64_t power = 1;; ++power) {
            co_await out.asks.recv();
            const auto term = co_await next(in);
            if (!term) {
                break;
            }
            co_await answer(out, *term * ratio(1, power));
        }
        out.terms.close();
    }

    /// (a + x*A) * (b + x*B) = a*b + x*(a*B + b*A + x*A*B), for two series that do not end.
    static Task<void> give_product(Series a, Series b, Series out) {
        co_await out.asks.recv();
        const auto left = co_await next(a);
        const auto right = co_await next(b);
        if (!left || !right) {
            out.terms.close();
            co_return;
        }
        co_await answer(out, *left * *right);
        co_await out.asks.recv();  // the rest is made on demand: each product starts the next one
        const std::array<Series, 2> rest_a = split(a);
        const std::array<Series, 2> rest_b = split(b);
        const Series mixed = add(scale(*left, rest_b[0]), scale(*right, rest_a[0]));
        const Series rest = add(mixed, prepend(Rational(), multiply(rest_a[1], rest_b[1])));
        const auto second = co_await next(rest);
        if (second) {
            co_await answer(out, *second);
            co_await give_scaled({1, 1}, {1, 1}, rest, out);
        } else {
            out.terms.close();
        }
    }

    /// One of the two who read the same series.
    struct Reader {
        Series out;
        std::deque<Rational> ahead;  // what the other one has had already
        bool waits = false;          // it asked, and `ahead` is empty
    };

    /// While it waits for its input it still answers whoever is behind: in a feedback loop that is what the input
    /// waits for. The cases that make no sense at the moment are nil.
    static Task<void> give_to_both(Series in, Series first, Series second) {
        std::array<Reader, 2> readers{Reader{first, {}}, Reader{second, {}}};
        bool asked = false;
        for (;;) {
            const bool wanted = readers[0].waits || readers[1].waits;
            const auto asks = [&readers](std::size_t i) {
                return readers[i].waits ? Channel<Unit>() : readers[i].out.asks;
            };
            const Channel<Unit> to_ask = wanted && !asked ? in.asks : Channel<Unit>();
            const Channel<Item> to_take = asked ? in.terms : Channel<Item>();
            const Channel<Unit> first_asks = asks(0);
            const Channel<Unit> second_asks = asks(1);
            auto s = co_await select(first_asks.recv_case(), second_asks.recv_case(), to_ask.send_case(Unit()),
                                     to_take.recv_case());
            if (s.index() < 2) {
                readers[s.index()].waits = true;
            } else if (s.index() == 2) {
                asked = true;
            } else {
                asked = false;
                for (Reader& each : readers) {
                    each.ahead.push_back(value_of(*s.template get<3>()));
                }
            }
            for (Reader& each : readers) {
                if (each.waits && !each.ahead.empty()) {
                    co_await answer(each.out, each.ahead.front());
                    each.ahead.pop_front();
                    each.waits = false;
                }
            }
        }
    }
};

}  // namespace mynah::conc::powser
