// Rows about channels and select. Their twins in Go are in peers/go/channels.go.
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "conc/channel.hpp"
#include "conc/go.hpp"
#include "conc/select.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "tests/bench/conc/conc_rows.hpp"
#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

using Value = std::size_t;

constexpr std::size_t kBuffered = 128;
constexpr std::size_t kSidesOfMpmc = 4;
constexpr std::size_t kFanInSenders = 100;

conc::Task<void> echo(conc::Receiver<Value> ping, conc::Sender<Value> pong) {
    while (const auto value = co_await ping.recv()) {
        co_await pong.send(*value);
    }
    pong.close();
}

conc::Task<Measurement> ping_pong(std::size_t operations) {
    const conc::Channel<Value> ping(0);
    const conc::Channel<Value> pong(0);
    conc::go(echo, ping.receiver(), pong.sender());
    Value sum = 0;
    const auto start = Clock::now();
    for (Value i = 0; i < operations; ++i) {
        co_await ping.send(i);
        const auto answer = co_await pong.recv();
        sum += *answer;
    }
    const auto time = Clock::now() - start;
    ping.close();
    co_await pong.recv();
    expect_equal(sum, sum_below(operations));
    co_return Measurement{.time = time};
}

conc::Task<void> send_and_close(conc::Sender<Value> to, std::size_t count) {
    for (Value i = 0; i < count; ++i) {
        co_await to.send(i);
    }
    to.close();
}

conc::Task<void> send_values(conc::Sender<Value> to, std::size_t count, conc::WaitGroup* senders) {
    for (Value i = 0; i < count; ++i) {
        co_await to.send(i);
    }
    senders->done();
}

template <std::size_t capacity>
conc::Task<Measurement> spsc(std::size_t operations) {
    const conc::Channel<Value> values(capacity);
    Value sum = 0;
    const auto start = Clock::now();
    conc::go(send_and_close, values.sender(), operations);
    while (const auto value = co_await values.recv()) {
        sum += *value;
    }
    const auto time = Clock::now() - start;
    expect_equal(sum, sum_below(operations));
    co_return Measurement{.time = time};
}

conc::Task<void> add_up(conc::Receiver<Value> from, Value* sum, conc::WaitGroup* receivers) {
    while (const auto value = co_await from.recv()) {
        *sum += *value;
    }
    receivers->done();
}

conc::Task<Measurement> mpmc(std::size_t operations) {
    const conc::Channel<Value> values(kBuffered);
    conc::WaitGroup senders;
    conc::WaitGroup receivers;
    struct alignas(128) Sum {  // a cache line each, and its neighbour
        Value value = 0;
    };
    std::vector<Sum> sums(kSidesOfMpmc);
    Value expected = 0;
    const auto start = Clock::now();
    senders.add(kSidesOfMpmc);
    receivers.add(kSidesOfMpmc);
    for (std::size_t i = 0; i < kSidesOfMpmc; ++i) {
        const std::size_t count = share(operations, kSidesOfMpmc, i);
        expected += sum_below(count);
        conc::go(send_values, values.sender(), count, &senders);
        conc::go(add_up, values.receiver(), &sums[i].value, &receivers);
    }
    co_await senders.wait();
    values.close();
    co_await receivers.wait();
    const auto time = Clock::now() - start;
    Value sum = 0;
    for (const Sum& each : sums) {
        sum += each.value;
    }
    expect_equal(sum, expected);
    co_return Measurement{.time = time};
}

conc::Task<Measurement> fan_in(std::size_t operations) {
    const conc::Channel<Value> values(0);
    conc::WaitGroup senders;
    Value sum = 0;
    Value expected = 0;
    const auto start = Clock::now();
    senders.add(kFanInSenders);
    for (std::size_t i = 0; i < kFanInSenders; ++i) {
        const std::size_t count = share(operations, kFanInSenders, i);
        expected += sum_below(count);
        conc::go(send_values, values.sender(), count, &senders);
    }
    for (std::size_t i = 0; i < operations; ++i) {
        const auto value = co_await values.recv();
        sum += *value;
    }
    co_await senders.wait();
    const auto time = Clock::now() - start;
    expect_equal(sum, expected);
    co_return Measurement{.time = time};
}

template <std::size_t... I>
conc::Task<Value> add_up_selected(std::array<conc::Channel<Value>, sizeof...(I)> channels, std::size_t count,
                                  std::index_sequence<I...> /*cases*/) {
    Value sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        auto selected = co_await conc::select(channels[I].recv_case()...);
        ((selected.index() == I ? static_cast<void>(sum += *selected.template get<I>()) : static_cast<void>(0)), ...);
    }
    co_return sum;
}

/// One sender on each of `width` unbuffered channels, one receiver that selects over them all.
template <std::size_t width>
conc::Task<Measurement> select_over(std::size_t operations) {
    std::array<conc::Channel<Value>, width> channels;
    conc::WaitGroup senders;
    Value expected = 0;
    const auto start = Clock::now();
    senders.add(width);
    for (std::size_t i = 0; i < width; ++i) {
        channels[i] = conc::Channel<Value>(0);
        const std::size_t count = share(operations, width, i);
        expected += sum_below(count);
        conc::go(send_values, channels[i].sender(), count, &senders);
    }
    const Value sum = co_await add_up_selected(channels, operations, std::make_index_sequence<width>());
    co_await senders.wait();
    const auto time = Clock::now() - start;
    expect_equal(sum, expected);
    co_return Measurement{.time = time};
}

conc::Task<Measurement> try_send_recv(std::size_t operations) {
    const conc::Channel<Value> values(1);
    Value sum = 0;
    const auto start = Clock::now();
    for (Value i = 0; i < operations; ++i) {
        const bool sent = values.try_send(i);
        const auto received = values.try_recv();
        sum += sent && received ? *received : 0;
    }
    const auto time = Clock::now() - start;
    expect_equal(sum, sum_below(operations));
    co_return Measurement{.time = time};
}

}  // namespace

std::vector<Row> channel_rows() {
    return {
        row<ping_pong>("ping_pong"),
        row<spsc<0>>("spsc_unbuffered"),
        row<spsc<kBuffered>>("spsc_buffered"),
        row<mpmc>("mpmc"),
        row<fan_in>("fan_in"),
        row<select_over<2>>("select_2"),
        row<select_over<8>>("select_8"),
        row<try_send_recv>("try_send_recv"),
    };
}

}  // namespace mynah::bench
