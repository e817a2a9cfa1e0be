// Rows about tasks: starting, ending, taking turns, waiting. Their twins in Go are in peers/go/tasks.go.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "conc/channel.hpp"
#include "conc/go.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "tests/bench/conc/conc_rows.hpp"
#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kSpawnBatch = 100;
constexpr std::size_t kYielders = 4;
constexpr std::size_t kSkynetChildren = 10;

// WaitGroup::go() would do the counting; these rows count by hand, as the programs in Go do.
conc::Task<void> end_at_once(conc::WaitGroup* group) {
    group->done();
    co_return;
}

template <std::size_t batch>
conc::Task<Measurement> spawn_in_batches(std::size_t operations) {
    conc::WaitGroup group;
    const auto start = Clock::now();
    for (std::size_t started = 0; started < operations;) {
        const std::size_t now = std::min(batch, operations - started);
        for (std::size_t i = 0; i < now; ++i) {
            group.add(1);
            conc::go(end_at_once, &group);
        }
        co_await group.wait();
        started += now;
    }
    co_return Measurement{.time = Clock::now() - start};
}

conc::Task<Measurement> finish_all(std::size_t operations) {
    conc::WaitGroup group;
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        group.add(1);
        conc::go(end_at_once, &group);
    }
    co_await group.wait();
    co_return Measurement{.time = Clock::now() - start};
}

conc::Task<void> park(conc::Receiver<int> gate, conc::WaitGroup* arrived, conc::WaitGroup* released) {
    arrived->done();
    co_await gate.recv();
    released->done();
}

conc::Task<Measurement> park_all(std::size_t operations) {
    const conc::Channel<int> gate(0);
    conc::WaitGroup arrived;
    conc::WaitGroup released;
    const std::size_t resident_before = resident_bytes();
    const auto start = Clock::now();
    for (std::size_t i = 0; i < operations; ++i) {
        arrived.add(1);
        released.add(1);
        conc::go(park, gate.receiver(), &arrived, &released);
    }
    co_await arrived.wait();
    const std::size_t resident_parked = resident_bytes();
    gate.close();
    co_await released.wait();
    const auto time = Clock::now() - start;
    const double grown = static_cast<double>(resident_parked) - static_cast<double>(resident_before);
    co_return Measurement{.time = time, .bytes_per_task = grown / static_cast<double>(operations)};
}

conc::Task<void> yield_often(std::size_t count, conc::WaitGroup* group) {
    for (std::size_t i = 0; i < count; ++i) {
        co_await conc::yield();
    }
    group->done();
}

conc::Task<Measurement> yield(std::size_t operations) {
    conc::WaitGroup group;
    const auto start = Clock::now();
    group.add(kYielders);
    for (std::size_t i = 0; i < kYielders; ++i) {
        conc::go(yield_often, share(operations, kYielders, i), &group);
    }
    co_await group.wait();
    co_return Measurement{.time = Clock::now() - start};
}

conc::Task<void> skynet_node(conc::Sender<std::size_t> parent, std::size_t first, std::size_t leaves) {
    if (leaves == 1) {
        co_await parent.send(first);
        co_return;
    }
    const conc::Channel<std::size_t> results(0);
    const std::size_t children = std::min(kSkynetChildren, leaves);
    for (std::size_t i = 0; i < children; ++i) {
        const std::size_t below = share(leaves, children, i);
        conc::go(skynet_node, results.sender(), first, below);
        first += below;
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < children; ++i) {
        const auto result = co_await results.recv();
        sum += *result;
    }
    co_await parent.send(sum);
}

conc::Task<Measurement> skynet(std::size_t operations) {
    const conc::Channel<std::size_t> result(0);
    const auto start = Clock::now();
    conc::go(skynet_node, result.sender(), std::size_t{0}, operations);
    const auto sum = co_await result.recv();
    const auto time = Clock::now() - start;
    expect_equal(*sum, sum_below(operations));
    co_return Measurement{.time = time};
}

}  // namespace

std::vector<Row> task_rows() {
    return {
        row<spawn_in_batches<kSpawnBatch>>("spawn"),
        row<spawn_in_batches<1>>("spawn_wait"),
        row<yield>("yield"),
        row<skynet>("skynet"),
        row<finish_all>("tasks_finished"),
        row<park_all>("tasks_parked"),
    };
}

}  // namespace mynah::bench
