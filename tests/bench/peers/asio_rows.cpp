// Asio's side of conc_bench: its coroutines and its concurrent channels, on a pool of two threads. Receivers know how
// many values they get, since a channel of Asio's drops what is buffered when it is closed.
#include <cstddef>
#include <future>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error_code.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kBuffered = 128;
constexpr std::size_t kSidesOfMpmc = 4;
constexpr std::size_t kFanInSenders = 100;

using Executor = asio::thread_pool::executor_type;
using Channel = asio::experimental::concurrent_channel<Executor, void(asio::error_code, std::size_t)>;

asio::awaitable<void, Executor> send_values(Channel* to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        co_await to->async_send(asio::error_code(), i, asio::use_awaitable_t<Executor>());
    }
}

asio::awaitable<std::size_t, Executor> add_up(Channel* from, std::size_t count) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += co_await from->async_receive(asio::use_awaitable_t<Executor>());
    }
    co_return sum;
}

asio::awaitable<void, Executor> echo(Channel* ping, Channel* pong, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t value = co_await ping->async_receive(asio::use_awaitable_t<Executor>());
        co_await pong->async_send(asio::error_code(), value, asio::use_awaitable_t<Executor>());
    }
}

asio::awaitable<std::size_t, Executor> ask(Channel* ping, Channel* pong, std::size_t count) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        co_await ping->async_send(asio::error_code(), i, asio::use_awaitable_t<Executor>());
        sum += co_await pong->async_receive(asio::use_awaitable_t<Executor>());
    }
    co_return sum;
}

Measurement ping_pong(std::size_t operations) {
    asio::thread_pool pool(kThreads);
    Channel ping(pool.get_executor(), 0);
    Channel pong(pool.get_executor(), 0);
    const auto start = Clock::now();
    auto echoed = asio::co_spawn(pool, echo(&ping, &pong, operations), asio::use_future);
    auto asked = asio::co_spawn(pool, ask(&ping, &pong, operations), asio::use_future);
    const std::size_t sum = asked.get();
    echoed.get();
    const auto time = Clock::now() - start;
    expect_equal(sum, sum_below(operations));
    return {.time = time};
}

/// Values from `senders` coroutines to `receivers` over one channel.
template <std::size_t senders, std::size_t receivers, std::size_t capacity>
Measurement pass_on(std::size_t operations) {
    asio::thread_pool pool(kThreads);
    Channel values(pool.get_executor(), capacity);
    std::vector<std::future<void>> sent;
    std::vector<std::future<std::size_t>> received;
    std::size_t expected = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < senders; ++i) {
        const std::size_t count = share(operations, senders, i);
        expected += sum_below(count);
        sent.push_back(asio::co_spawn(pool, send_values(&values, count), asio::use_future));
    }
    for (std::size_t i = 0; i < receivers; ++i) {
        const std::size_t count = share(operations, receivers, i);
        received.push_back(asio::co_spawn(pool, add_up(&values, count), asio::use_future));
    }
    std::size_t sum = 0;
    for (std::future<std::size_t>& each : received) {
        sum += each.get();
    }
    for (std::future<void>& each : sent) {
        each.get();
    }
    const auto time = Clock::now() - start;
    expect_equal(sum, expected);
    return {.time = time};
}

}  // namespace

std::vector<Row> rows() {
    return {
        row<ping_pong>("ping_pong"),
        row<pass_on<1, 1, 0>>("spsc_unbuffered"),
        row<pass_on<1, 1, kBuffered>>("spsc_buffered"),
        row<pass_on<kSidesOfMpmc, kSidesOfMpmc, kBuffered>>("mpmc"),
        row<pass_on<kFanInSenders, 1, 0>>("fan_in"),
    };
}

}  // namespace mynah::bench
