// Rows about ConcurrentMap. Their twins in Go are in peers/go/maps.go, the standard library's in peers/std_rows.cpp.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "conc/concurrent_map.hpp"
#include "conc/go.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "tests/bench/conc/conc_rows.hpp"
#include "tests/bench/conc/row.hpp"

namespace mynah::bench {
namespace {

constexpr std::size_t kMapUsers = 2;
constexpr std::uint64_t kKeys = 65536;

using Map = conc::ConcurrentMap<std::uint64_t, std::uint64_t>;

/// Loads and stores random keys, without ever giving way, as the goroutine does.
conc::Task<void> use(Map* values, std::uint64_t loads, std::size_t index, std::size_t count, conc::WaitGroup* group) {
    std::uint64_t random = index + 1;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        random ^= random << 13U;  // xorshift64
        random ^= random >> 7U;
        random ^= random << 17U;
        const std::uint64_t key = random % kKeys;
        if ((random >> 32U) % 100 < loads) {
            sum += values->load(key).value_or(0);
        } else {
            values->store(key, i);
        }
    }
    keep(sum);
    group->done();
    co_return;
}

template <std::uint64_t loads>
conc::Task<Measurement> map(std::size_t operations) {
    Map values;
    for (std::uint64_t key = 0; key < kKeys; key += 2) {
        values.store(key, key);
    }
    conc::WaitGroup group;
    const auto start = Clock::now();
    group.add(kMapUsers);
    for (std::size_t i = 0; i < kMapUsers; ++i) {
        conc::go([=, &values, &group] { return use(&values, loads, i, share(operations, kMapUsers, i), &group); });
    }
    co_await group.wait();
    co_return Measurement{.time = Clock::now() - start};
}

}  // namespace

std::vector<Row> map_rows() {
    return {
        row<map<90>>("map_90_10"),
        row<map<50>>("map_50_50"),
        row<map<10>>("map_10_90"),
    };
}

}  // namespace mynah::bench
