// What a select does with channels of every kind: Go's test/chan/select3.go and the many programs of select5.go.
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

class SelectTableTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(SelectTableTest);

using Operation = Task<void> (*)();

struct Row {
    std::string_view name;
    Operation operation;
    std::string_view waits_in;  // the state of a task that blocks; empty: it does not
};

Channel<int> closed_channel() {
    const Channel<int> ch(0);
    ch.close();
    return ch;
}

Channel<int> full_channel() {
    const Channel<int> ch(1);
    EXPECT_TRUE(ch.try_send(7));
    return ch;
}

Task<void> look(std::size_t found, std::size_t expected) {
    EXPECT_EQ(found, expected);
    co_return;
}

constexpr std::array kRows = {
    Row{"a send to nil", []() -> Task<void> { co_await Channel<int>().send(7); }, "chan send (nil chan)"},
    Row{"a receive from nil", []() -> Task<void> { co_await Channel<int>().recv(); }, "chan receive (nil chan)"},
    Row{"a send to a free buffer", []() -> Task<void> { co_await Channel<int>(1).send(7); }, ""},
    Row{"a receive from a channel that is closed", []() -> Task<void> { co_await closed_channel().recv(); }, ""},
    Row{"a receive from a channel that is not ready", []() -> Task<void> { co_await Channel<int>(0).recv(); },
        "chan receive"},
    Row{"no cases", []() -> Task<void> { co_await select(); }, "select (no cases)"},
    Row{"a nil receive", []() -> Task<void> { co_await select(Channel<int>().recv_case()); }, "select"},
    Row{"a nil send", []() -> Task<void> { co_await select(Channel<int>().send_case(7)); }, "select"},
    Row{"nil in both directions",
        []() -> Task<void> { co_await select(Channel<int>().recv_case(), Channel<int>().send_case(7)); }, "select"},
    Row{"a channel that is not ready", []() -> Task<void> { co_await select(Channel<int>(0).recv_case()); }, "select"},
    Row{"a default alone", [] { return look(try_select().index(), no_case); }, ""},
    Row{"a nil receive or a default", [] { return look(try_select(Channel<int>().recv_case()).index(), no_case); }, ""},
    Row{"a nil send or a default", [] { return look(try_select(Channel<int>().send_case(7)).index(), no_case); }, ""},
    Row{"a free buffer or a default", [] { return look(try_select(Channel<int>(1).send_case(7)).index(), 0); }, ""},
    Row{"a full buffer or a default", [] { return look(try_select(full_channel().recv_case()).index(), 0); }, ""},
    Row{"a closed receive", []() -> Task<void> { co_await select(closed_channel().recv_case()); }, ""},
    Row{"itself, sending and receiving",
        []() -> Task<void> {
            const Channel<int> ch(0);
            co_await select(ch.send_case(1), ch.recv_case());
        },
        "select"},
};

Task<void> perform(const Row* row) {
    co_await row->operation();
    EXPECT_EQ(row->waits_in, "") << row->name << " did not block";
}

// Go: test/chan/select3.go, what blocks and what does not.
TEST_P(SelectTableTest, Select3WhatBlocks) {
    repeat([this] {
        Scheduler scheduler({.workers = workers()});
        scheduler.run([]() -> Task<void> {
            for (const Row& row : kRows) {
                if (row.waits_in.empty()) {
                    co_await perform(&row);
                } else {
                    const std::size_t before = tasks_in(row.waits_in);
                    go(perform, &row);
                    co_await until_parked(std::string(row.waits_in), before + 1);
                }
            }
        }());
        std::size_t blocked = 0;
        for (const Row& row : kRows) {
            blocked += row.waits_in.empty() ? 0U : 1U;
        }
        EXPECT_EQ(scheduler.abandoned().size(), blocked);
    });
}

// Go: test/chan/select3.go, what panics.
TEST_P(SelectTableTest, Select3WhatPanics) {
    run([]() -> Task<void> {
        const auto send = []() -> Task<void> { co_await closed_channel().send(7); };
        const auto selected = []() -> Task<void> { co_await select(closed_channel().send_case(7)); };
        const std::string first = co_await panic_of(send());
        EXPECT_EQ(first, "send on closed channel");
        const std::string second = co_await panic_of(selected());
        EXPECT_EQ(second, "send on closed channel");
        EXPECT_EQ(try_select(Channel<int>().recv_case(), Channel<int>().send_case(7)).index(), no_case);
    });
}

/// The cases that a combination adds beside the one that is ready: none of them can ever be.
std::vector<Case> never_ready(unsigned combination, const Channel<int>& dummy) {
    std::vector<Case> cases;
    if ((combination & 1U) != 0) {
        cases.emplace_back(dummy.send_case(1));
    }
    if ((combination & 2U) != 0) {
        cases.emplace_back(dummy.recv_case());
    }
    if ((combination & 4U) != 0) {
        cases.emplace_back(Channel<int>().send_case(1));
    }
    if ((combination & 8U) != 0) {
        cases.emplace_back(Channel<int>().recv_case());
    }
    return cases;
}

// Go: test/chan/select5.go, one case that is ready in each place among every combination of cases that are not.
TEST_P(SelectTableTest, Select5EveryCombination) {
    run([]() -> Task<void> {
        const Channel<int> ch(1);
        const Channel<int> dummy(0);
        int value = 0;
        for (unsigned combination = 0; combination < 16; ++combination) {
            const std::size_t others = never_ready(combination, dummy).size();
            for (std::size_t place = 0; place <= others; ++place) {
                for (const bool sends : {false, true}) {
                    ++value;
                    std::vector<Case> cases = never_ready(combination, dummy);
                    const auto where = cases.begin() + static_cast<std::ptrdiff_t>(place);
                    if (sends) {
                        cases.emplace(where, ch.send_case(value));
                    } else {
                        co_await ch.send(value);
                        cases.emplace(where, ch.recv_case());
                    }
                    const std::size_t index = co_await select(std::span<Case>(cases));
                    EXPECT_EQ(index, place) << "combination " << combination;
                    const auto got = sends ? std::optional(ch.try_recv().value_or(-1)) : cases[index].take<int>();
                    EXPECT_EQ(got, value) << "combination " << combination;
                }
            }
        }
    });
}

// Go: test/chan/select5.go, the combinations with a default.
TEST_P(SelectTableTest, Select5WithADefault) {
    run([]() -> Task<void> {
        const Channel<int> ch(1);
        const Channel<int> dummy(0);
        const Channel<int> nil;
        for (int value = 1; value <= 20; ++value) {
            EXPECT_EQ(try_select(dummy.send_case(1), dummy.recv_case(), nil.send_case(1), nil.recv_case()).index(),
                      no_case);
            EXPECT_EQ(try_select(dummy.recv_case(), ch.send_case(value), nil.send_case(1)).index(), 1U);
            EXPECT_EQ(try_select(ch.send_case(value), nil.recv_case()).index(), no_case);
            auto s = try_select(nil.recv_case(), dummy.send_case(1), ch.recv_case());
            EXPECT_EQ(s.get<2>(), value);
        }
        co_return;
    });
}

// Go: test/chan/select5.go, the order of evaluation: what the cases are made of is worked out once, taken or not.
TEST_P(SelectTableTest, Select5EvaluatesEachCaseOnce) {
    run([]() -> Task<void> {
        const Channel<int> ch(1);
        int evaluated = 0;
        const auto channel = [&evaluated](const Channel<int>& which) {
            ++evaluated;
            return which;
        };
        auto sending = channel(ch).send_case(3);
        auto never = channel(Channel<int>()).recv_case();
        const auto sent = co_await select(std::move(never), std::move(sending));
        EXPECT_EQ(sent.index(), 1U);
        EXPECT_EQ(evaluated, 2);
        EXPECT_EQ(ch.try_recv(), 3);
    });
}

}  // namespace
}  // namespace mynah::conc
