// ConcurrentMap where threads and tasks meet in it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "tests/conc/concurrent_map_support.hpp"
#include "tests/conc/scheduling.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using internal::Random;

template <class Hash>
class ConcurrentMapRaceHash : public testing::Test {};
TYPED_TEST_SUITE(ConcurrentMapRaceHash, MapHashes);

// Many threads at once, each with keys of its own and a plain map of them; the tables grow and shrink under all.
TYPED_TEST(ConcurrentMapRaceHash, GivesEachThreadTheAnswersOfAPlainMap) {
    constexpr int kThreads = 4;
    constexpr std::uint32_t kKeys = 200;
    ConcurrentMap<int, int, TypeParam> map;
    std::array<std::map<int, int>, kThreads> models;
    on_threads(kThreads, [&](int thread) {
        Random random(static_cast<std::uint64_t>(thread));
        std::map<int, int>& model = models[static_cast<std::size_t>(thread)];
        for (int call = 0; call < 10'000; ++call) {
            const int key = static_cast<int>(random.below(kKeys)) * kThreads + thread;
            const auto found = model.find(key);
            const std::optional<int> now = found == model.end() ? std::nullopt : std::optional(found->second);
            switch (random.below(4)) {
                case 0:
                    ASSERT_EQ(map.swap(key, call), now);
                    model[key] = call;
                    break;
                case 1:
                    ASSERT_EQ(map.load_and_delete(key), now);
                    model.erase(key);
                    break;
                case 2:
                    ASSERT_EQ(map.compare_and_swap(key, now.value_or(-1), call), now.has_value());
                    if (now) {
                        model[key] = call;
                    }
                    break;
                default:
                    ASSERT_EQ(map.load(key), now);
            }
        }
    });
    std::map<int, int> all;
    for (std::map<int, int>& model : models) {
        all.merge(model);
    }
    EXPECT_EQ(contents(map), all);
    EXPECT_EQ(map.size(), all.size());
}

TEST(ConcurrentMapRace, LargeValuesAreCopiedWhole) {
    using Large = std::array<std::uint64_t, 64>;
    ConcurrentMap<int, Large> map;
    const auto filled = [](std::uint64_t value) {
        Large large{};
        large.fill(value);
        return large;
    };
    map.store(0, filled(0));
    on_threads(4, [&](int thread) {
        for (std::uint64_t i = 0; i < 3000; ++i) {
            if (thread < 2) {
                map.store(0, filled(i));
            } else {
                const auto value = map.load(0);
                ASSERT_TRUE(value);
                ASSERT_EQ(*value, filled(value->front()));
            }
        }
    });
}

// TestConcurrentRange, with keys that come and go, so that tables grow under the range.
TEST(ConcurrentMapRace, RangeMissesNoKeyThatStaysAndSeesNoneTwice) {
    constexpr int kStay = 512;
    ConcurrentMap<int, std::int64_t> map;
    for (int key = 1; key <= kStay; ++key) {
        map.store(key, key);
    }
    Atomic<bool> done{false};
    std::thread writer([&] {
        Random random(1);
        for (int round = 1; !done.load(); ++round) {
            for (int key = kStay + 1; key < kStay * 8; ++key) {
                map.store(key, std::int64_t{key} * round);
                const int staying = 1 + static_cast<int>(random.below(kStay));
                map.store(staying, std::int64_t{staying} * round);
            }
            for (int key = kStay + 1; key < kStay * 8; ++key) {
                map.erase(key);
            }
        }
    });
    for (int round = 0; round < 100; ++round) {
        std::set<int> seen;
        int stayed = 0;
        map.range([&](const int& key, const std::int64_t& value) {
            EXPECT_EQ(value % key, 0);
            EXPECT_TRUE(seen.insert(key).second) << key;
            stayed += key <= kStay ? 1 : 0;
            return true;
        });
        EXPECT_EQ(stayed, kStay);
    }
    done.store(true);
    writer.join();
}

// TestConcurrentClear.
TEST(ConcurrentMapRace, ClearMayRunBesideEverything) {
    ConcurrentMap<int, Counted> map;
    on_threads(6, [&map](int thread) {
        for (int i = 0; i < 4000; ++i) {
            const int key = i % 300;
            if (thread < 2) {
                map.store(key, Counted(key));
            } else if (thread < 4) {
                const auto value = map.load(key);
                ASSERT_TRUE(!value || value->value() == key);
            } else if (thread < 5) {
                map.load_and_delete(key);
            } else if (i % 20 == 0) {
                map.clear();
            }
        }
    });
    map.clear();
    EXPECT_EQ(map.size(), 0U);
    map.range([](const int&, const Counted&) {
        ADD_FAILURE() << "not empty after clear()";
        return false;
    });
}

TEST(ConcurrentMapRace, DestroysEveryValueOnce) {
    ASSERT_EQ(Counted::alive.load(), 0);
    {
        ConcurrentMap<int, Counted> map;
        on_threads(4, [&map](int thread) {
            Random random(static_cast<std::uint64_t>(thread));
            for (int i = 0; i < 5000; ++i) {
                const int key = static_cast<int>(random.below(100));
                const auto way = random.below(8);
                if (way == 0) {
                    map.erase(key);
                } else if (way < 4) {
                    map.swap(key, Counted(i));
                } else {
                    const auto value = map.load(key);
                    ASSERT_TRUE(!value || value->value() >= 0);
                }
            }
        });
    }
    EXPECT_EQ(Counted::alive.load(), 0);
}

class ConcurrentMapRaceTest : public ScheduledTest {};
MYNAH_UNDER_EVERY_SCHEDULING(ConcurrentMapRaceTest);

// A counter for each key, raised by compare-and-swap from several tasks: no increment is lost, none is made twice.
TEST_P(ConcurrentMapRaceTest, CountersRaisedByCompareAndSwapAddUp) {
    run(
        [this]() -> Task<void> {
            constexpr int kTasks = 4;
            constexpr int kKeys = 3;
            const int turns = rounds(3000) + 9;
            ConcurrentMap<int, std::int64_t> small;
            ConcurrentMap<int, Counted> large;
            WaitGroup wg;
            for (int i = 0; i < kTasks; ++i) {
                wg.go([&]() -> Task<void> {
                    for (int turn = 0; turn < turns; ++turn) {
                        const int key = turn % kKeys;
                        for (std::int64_t now = small.load_or_store(key, 0).value;
                             !small.compare_and_swap(key, now, now + 1); now = *small.load(key)) {
                        }
                        for (Counted now = large.load_or_store(key, Counted(0)).value;
                             !large.compare_and_swap(key, now, Counted(now.value() + 1)); now = *large.load(key)) {
                        }
                        co_await yield();
                    }
                });
            }
            co_await wg.wait();
            std::int64_t sum = 0;
            std::int64_t large_sum = 0;
            for (int key = 0; key < kKeys; ++key) {
                sum += *small.load(key);
                large_sum += large.load(key)->value();
            }
            EXPECT_EQ(sum, std::int64_t{kTasks} * turns);
            EXPECT_EQ(large_sum, sum);
        },
        30);
}

// Exactly one of those who ask for an absent key at once stores it, and exactly one of those who delete it gets it.
TEST_P(ConcurrentMapRaceTest, OneTaskStoresAndOneDeletes) {
    run(
        [this]() -> Task<void> {
            ConcurrentMap<int, int> map;
            Atomic<int> stored{0};
            Atomic<int> deleted{0};
            const int keys = rounds(300) + 5;
            WaitGroup wg;
            for (int i = 0; i < 4; ++i) {
                wg.go([&, i]() -> Task<void> {
                    for (int key = 0; key < keys; ++key) {
                        const auto [value, loaded] = map.load_or_store(key, i);
                        stored.fetch_add(loaded ? 0 : 1);
                        co_await yield();
                    }
                });
            }
            co_await wg.wait();
            EXPECT_EQ(stored.load(), keys);
            for (int i = 0; i < 4; ++i) {
                wg.go([&]() -> Task<void> {
                    for (int key = 0; key < keys; ++key) {
                        const bool mine = key % 2 == 0 ? map.erase(key) : map.load_and_delete(key).has_value();
                        deleted.fetch_add(mine ? 1 : 0);
                        co_await yield();
                    }
                });
            }
            co_await wg.wait();
            EXPECT_EQ(deleted.load(), keys);
        },
        30);
}

// What was written before a store is visible to whoever loads its value: plain memory, as ThreadSanitizer would tell.
TEST_P(ConcurrentMapRaceTest, AStoreSynchronizesBeforeItsLoad) {
    run(
        [this]() -> Task<void> {
            const int turns = rounds(500) + 5;
            ConcurrentMap<int, int*> map;
            std::vector<int> cells(static_cast<std::size_t>(turns), 0);
            WaitGroup wg;
            wg.go([&]() -> Task<void> {
                for (int i = 0; i < turns; ++i) {
                    int& cell = cells[static_cast<std::size_t>(i)];
                    cell = i + 1;
                    map.store(i % 2 == 0 ? 0 : i, &cell);
                    co_await yield();
                }
            });
            wg.go([&]() -> Task<void> {
                for (int i = 0; i < turns; ++i) {
                    for (const int key : {0, i}) {
                        if (const auto cell = map.load(key)) {
                            EXPECT_GT(**cell, 0);
                        }
                    }
                    co_await yield();
                }
            });
            co_await wg.wait();
        },
        30);
}

}  // namespace
}  // namespace mynah::conc
