// Rows about Mutex, RWMutex, Once, Context and timers. Their twins in Go are in peers/go/sync.go.
#include <chrono>
#include <cstddef>
#include <vector>

#include <benchmark/benchmark.h>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/go.hpp"
#include "conc/mutex.hpp"
#include "conc/once.hpp"
#include "conc/rw_mutex.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/task.hpp"
#include "conc/timer.hpp"
#include "conc/wait_group.hpp"
#include "tests/bench/conc/conc_rows.hpp"
#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kContenders = 4;
constexpr std::size_t kReaders = 2;
constexpr std::chrono::hours kLong{1};  // a deadline that no run reaches

struct Counter {
    conc::Mutex mutex;
    std::size_t value = 0;
};

conc::Task<void> count_up(Counter* counter, std::size_t times, conc::WaitGroup* group) {
    for (std::size_t i = 0; i < times; ++i) {
        const auto guard = co_await counter->mutex.lock();
        ++counter->value;
    }
    group->done();
}

template <std::size_t tasks>
conc::Task<Measurement> mutex(std::size_t operations) {
    Counter counter;
    conc::WaitGroup group;
    const auto start = Clock::now();
    group.add(tasks);
    for (std::size_t i = 0; i < tasks; ++i) {
        conc::go(count_up, &counter, share(operations, tasks, i), &group);
    }
    co_await group.wait();
    const auto time = Clock::now() - start;
    expect_equal(counter.value, operations);
    co_return Measurement{.time = time};
}

conc::Task<void> read(conc::RWMutex* mutex, const std::size_t* guarded, std::size_t count, conc::WaitGroup* group) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto guard = co_await mutex->lock_shared();
        benchmark::DoNotOptimize(*guarded);
    }
    group->done();
}

conc::Task<Measurement> rwmutex_read(std::size_t operations) {
    conc::RWMutex mutex;
    conc::WaitGroup group;
    const auto start = Clock::now();
    group.add(kReaders);
    for (std::size_t i = 0; i < kReaders; ++i) {
        conc::go(read, &mutex, &operations, share(operations, kReaders, i), &group);
    }
    co_await group.wait();
    co_return Measurement{.time = Clock::now() - start};
}

conc::Task<Measurement> once(std::size_t operations) {
    conc::Once once;
    std::size_t calls = 0;
    const auto count_call = [&calls] { ++calls; };
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        co_await once.run(count_call);
    }
    const auto time = Clock::now() - start;
    expect_equal(calls, 1);
    co_return Measurement{.time = time};
}

conc::Task<Measurement> context_done(std::size_t operations) {
    const auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    std::size_t alive = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        const auto selected = conc::try_select(ctx.done());
        alive += selected.index() == conc::no_case ? 1U : 0U;
    }
    const auto time = Clock::now() - start;
    cancel();
    expect_equal(alive, operations);
    co_return Measurement{.time = time};
}

conc::Task<Measurement> context_err(std::size_t operations) {
    const auto [ctx, cancel] = conc::with_cancel(conc::Context::background());
    std::size_t alive = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        alive += ctx.err() ? 0U : 1U;
    }
    const auto time = Clock::now() - start;
    cancel();
    expect_equal(alive, operations);
    co_return Measurement{.time = time};
}

conc::Task<Measurement> context_timeout(std::size_t operations) {
    const conc::Context background = conc::Context::background();
    std::size_t canceled = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        const auto [ctx, cancel] = conc::with_timeout(background, kLong);
        cancel();
        canceled += ctx.err() == conc::ContextError::canceled ? 1U : 0U;
    }
    const auto time = Clock::now() - start;
    expect_equal(canceled, operations);
    co_return Measurement{.time = time};
}

conc::Task<void> send_values(conc::Sender<std::size_t> to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        co_await to.send(i);
    }
}

/// Each receive that has to wait arms a timer, and disarms it when the value comes.
conc::Task<Measurement> recv_timeout(std::size_t operations) {
    const conc::Channel<std::size_t> values(0);
    std::size_t sum = 0;
    const auto start = Clock::now();
    conc::go(send_values, values.sender(), operations);
    for (std::size_t i = 0; i < operations; ++i) {
        auto selected = co_await conc::select(values.recv_case(), conc::after(kLong));
        sum += *selected.get<0>();
    }
    const auto time = Clock::now() - start;
    expect_equal(sum, sum_below(operations));
    co_return Measurement{.time = time};
}

conc::Task<Measurement> timer_reset(std::size_t operations) {
    conc::Timer timer(kLong);
    std::size_t armed = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        armed += timer.reset(kLong) ? 1U : 0U;
    }
    const auto time = Clock::now() - start;
    timer.stop();
    expect_equal(armed, operations);
    co_return Measurement{.time = time};
}

/// Each due a little later than the one before.
conc::Task<Measurement> timers_armed(std::size_t operations) {
    std::vector<conc::Timer> timers;
    timers.reserve(operations);
    std::size_t armed = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        timers.emplace_back(kLong + std::chrono::microseconds(i));
    }
    for (conc::Timer& timer : timers) {
        armed += timer.stop() ? 1U : 0U;
    }
    const auto time = Clock::now() - start;
    expect_equal(armed, operations);
    co_return Measurement{.time = time};
}

}  // namespace

std::vector<Row> sync_rows() {
    return {
        row<mutex<1>>("mutex_alone"),
        row<mutex<kContenders>>("mutex_contended"),
        row<rwmutex_read>("rwmutex_read"),
        row<once>("once"),
        row<context_done>("context_done"),
        row<context_err>("context_err"),
        row<context_timeout>("context_timeout"),
        row<recv_timeout>("recv_timeout"),
        row<timer_reset>("timer_reset"),
        row<timers_armed>("timers_armed"),
    };
}

}  // namespace mynah::bench
