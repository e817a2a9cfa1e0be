// The sections of conc/FOR_GO_PROGRAMMERS.md on select.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "tests/conc/guide/guide.hpp"

namespace guide {
namespace {

using namespace mynah::conc;
using namespace std::chrono_literals;

Task<std::string> next_job(Context ctx, Receiver<std::string> jobs) {
    auto s = co_await select(jobs.recv_case(), ctx.done(), after(10ms));
    switch (s.index()) {
        case 0:
            co_return s.get<0>().value_or("no more jobs");  // nullopt: closed and drained
        case 1:
            co_return ctx.err().message();
        default:
            co_return "timeout";
    }
}

TEST(Guide, SelectWithTimeoutAndDone) {
    run([]() -> Task<> {
        const auto [ctx, cancel] = with_cancel(Context::background());
        const Channel<std::string> jobs(1);
        const std::string nothing = co_await next_job(ctx, jobs);
        co_await jobs.send("sweep");
        const std::string job = co_await next_job(ctx, jobs);
        cancel();
        const std::string canceled = co_await next_job(ctx, jobs);

        EXPECT_EQ(nothing, "timeout");
        EXPECT_EQ(job, "sweep");
        EXPECT_EQ(canceled, "context canceled");
    });
}

TEST(Guide, SelectThatSends) {
    run([]() -> Task<> {
        const Channel<int> in(1);
        const Channel<int> out(1);
        const auto s = co_await select(in.recv_case(), out.send_case(5));  // like case out <- 5:

        EXPECT_EQ(s.index(), 1U);
        EXPECT_EQ(out.size(), 1U);
    });
}

TEST(Guide, SelectWithDefault) {
    run([]() -> Task<> {
        const Channel<int> ch(1);
        std::string said;
        auto s = try_select(ch.recv_case());
        if (s.index() == no_case) {
            said = "nothing there";
        } else {
            said = std::to_string(s.get<0>().value());
        }

        EXPECT_EQ(said, "nothing there");
        co_return;
    });
}

Task<int> sum_of_both(Receiver<int> a, Receiver<int> b) {
    int sum = 0;
    while (a || b) {
        auto s = co_await select(a.recv_case(), b.recv_case());
        Receiver<int>& chosen = s.index() == 0 ? a : b;
        const std::optional<int> value = s.index() == 0 ? s.get<0>() : s.get<1>();
        if (value) {
            sum += *value;
        } else {
            chosen = Receiver<int>();  // nil: this case is never ready again
        }
    }
    co_return sum;
}

TEST(Guide, ANilChannelSwitchesACaseOff) {
    run([]() -> Task<> {
        const Channel<int> a(2);
        const Channel<int> b(2);
        co_await a.send(1);
        co_await b.send(2);
        co_await b.send(3);
        a.close();
        b.close();
        const int sum = co_await sum_of_both(a, b);

        EXPECT_EQ(sum, 6);
    });
}

TEST(Guide, DynamicSelect) {
    run([]() -> Task<> {
        const std::vector<Channel<int>> channels{Channel<int>(1), Channel<int>(1), Channel<int>(1)};
        co_await channels[1].send(7);
        std::vector<Case> cases;
        for (const Channel<int>& ch : channels) {
            cases.emplace_back(ch.recv_case());
        }
        const std::size_t chosen = co_await select(std::span(cases));
        const std::optional<int> value = cases[chosen].take<int>();

        EXPECT_EQ(chosen, 1U);
        EXPECT_EQ(value, 7);
    });
}

}  // namespace
}  // namespace guide
