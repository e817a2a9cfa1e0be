// ConcurrentMap: Go's sync/map_test.go and, by behaviour, the tests that its later releases and HashTrieMap added.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conc/conc.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/random.hpp"
#include "tests/conc/concurrent_map_support.hpp"
#include "tests/conc/go/fixture.hpp"

namespace mynah::conc {
namespace {

using internal::Atomic;
using internal::Random;

class MapTest : public GoTest {};
MYNAH_ON_1_2_AND_8_WORKERS(MapTest);

/// The reference: a map and a lock around it.
class LockedMap {
  public:
    std::string apply(std::uint32_t call, int key, int value, int other) {
        const auto found = map_.find(key);
        const auto before = found == map_.end() ? std::nullopt : std::optional(found->second);
        switch (call) {
            case 0:
                return text(before);
            case 1:
                map_[key] = value;
                return "";
            case 2:
                map_.emplace(key, value);
                return text(before.value_or(value)) + (before ? " loaded" : "");
            case 3:
                map_.erase(key);
                return text(before);
            case 4:
                return map_.erase(key) != 0 ? "erased" : "";
            case 5:
                map_[key] = value;
                return text(before);
            case 6:
                if (before == other) {
                    map_[key] = value;
                }
                return before == other ? "swapped" : "";
            default:
                if (before == other) {
                    map_.erase(key);
                }
                return before == other ? "deleted" : "";
        }
    }

    static std::string text(std::optional<int> value) { return value ? std::to_string(*value) : "none"; }

    std::map<int, int> map_;
};

template <class Map>
std::string apply(Map& map, std::uint32_t call, int key, int value, int other) {
    switch (call) {
        case 0:
            return LockedMap::text(map.load(key));
        case 1:
            map.store(key, value);
            return "";
        case 2: {
            const auto result = map.load_or_store(key, value);
            return LockedMap::text(result.value) + (result.loaded ? " loaded" : "");
        }
        case 3:
            return LockedMap::text(map.load_and_delete(key));
        case 4:
            return map.erase(key) ? "erased" : "";
        case 5:
            return LockedMap::text(map.swap(key, value));
        case 6:
            return map.compare_and_swap(key, other, value) ? "swapped" : "";
        default:
            return map.compare_and_delete(key, other) ? "deleted" : "";
    }
}

/// Each task has keys of its own and a reference of its own; the map is common to all.
template <class Hash>
Task<void> match_reference() {
    ConcurrentMap<int, int, Hash> map;
    std::vector<LockedMap> references(4);
    WaitGroup wg;
    for (std::size_t task = 0; task < references.size(); ++task) {
        wg.go([&, task]() -> Task<void> {
            Random random(task + 1);
            for (int i = 0; i < scaled(1000); ++i) {
                const int key = static_cast<int>(std::size_t{random.below(30)} * 4 + task);
                const auto call = random.below(8);
                const int value = static_cast<int>(random.below(4));
                const int other = static_cast<int>(random.below(4));
                const std::string expected = references[task].apply(call, key, value, other);
                EXPECT_EQ(apply(map, call, key, value, other), expected) << "call " << call << " of " << key;
                if (i % 50 == 0) {
                    co_await yield();
                }
            }
        });
    }
    co_await wg.wait();
    std::map<int, int> all;
    for (const LockedMap& reference : references) {
        all.insert(reference.map_.begin(), reference.map_.end());
    }
    EXPECT_EQ(contents(map), all);
    EXPECT_EQ(map.size(), all.size());
}

// Go: sync/map_test.go TestMapMatchesRWMutex.
TEST_P(MapTest, MapMatchesRWMutex) {
    run(match_reference<std::hash<int>>);
}

// Go: internal/sync/hashtriemap_test.go, the tests again where all keys hash alike.
TEST_P(MapTest, MapMatchesRWMutexBadHash) {
    run(match_reference<OneBucket>);
}

// Go: internal/sync/hashtriemap_test.go, the tests again where the hashes differ in a few bits.
TEST_P(MapTest, MapMatchesRWMutexTruncatedHash) {
    run([]() -> Task<void> {
        co_await match_reference<PoorLowBits>();
        co_await match_reference<HighBitsOnly>();
    });
}

// Go: sync/map_test.go TestMapMatchesDeepCopy. What range saw stays what it was, whatever is written afterwards.
TEST_P(MapTest, MapMatchesDeepCopy) {
    run([]() -> Task<void> {
        Random random(5);
        ConcurrentMap<int, int> map;
        std::map<int, int> copy;
        for (int i = 0; i < scaled(300); ++i) {
            const int key = static_cast<int>(random.below(40));
            if (random.coin()) {
                map.store(key, i);
                copy[key] = i;
            } else {
                EXPECT_EQ(map.erase(key), copy.erase(key) != 0);
            }
            EXPECT_EQ(contents(map), copy);
        }
        co_return;
    });
}

/// Stores multiples of each key while others range over the map.
template <class Hash>
Task<void> range_beside_writers(int size, int ranges) {
    ConcurrentMap<int, int, Hash> map;
    for (int key = 1; key <= size; ++key) {
        map.store(key, key);
    }
    Atomic<bool> stop{false};
    WaitGroup writers;
    for (std::uint64_t task = 0; task < 4; ++task) {
        writers.go([&, task]() -> Task<void> {
            Random random(task);
            for (int factor = 1; !stop.load(); factor = factor % 1000 + 1) {
                for (int i = 0; i < 16; ++i) {
                    const int key = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(size)));
                    map.store(key, key * factor);
                }
                co_await yield();
            }
        });
    }
    for (int i = 0; i < ranges; ++i) {
        std::vector<int> seen(static_cast<std::size_t>(size) + 1, 0);
        map.range([&](const int& key, const int& value) {
            EXPECT_EQ(value % key, 0);
            ++seen[static_cast<std::size_t>(key)];
            return true;
        });
        seen[0] = 1;
        EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << "a key was missed, or seen twice";
        co_await yield();
    }
    stop.store(true);
    co_await writers.wait();
}

// Go: sync/map_test.go TestConcurrentRange.
TEST_P(MapTest, ConcurrentRange) {
    run([] { return range_beside_writers<std::hash<int>>(1 << 10, scaled(100)); });
}

// Go: sync/map_test.go TestConcurrentRange, with a bad hash.
TEST_P(MapTest, ConcurrentRangeBadHash) {
    run([] { return range_beside_writers<OneBucket>(1 << 6, scaled(100)); });
}

// Go: sync/map_test.go TestMapRangeNestedCall.
TEST_P(MapTest, MapRangeNestedCall) {
    run([]() -> Task<void> {
        ConcurrentMap<int, std::string> map;
        map.store(0, "hello");
        map.store(1, "world");
        map.store(2, "again");
        int calls = 0;
        map.range([&](const int& outer_key, const std::string& /*value*/) {
            map.range([&](const int& key, const std::string& value) {
                EXPECT_EQ(map.load(key), value);
                EXPECT_FALSE(map.load_or_store(42, "dummy").loaded);
                map.store(42, "new");
                EXPECT_EQ(map.load_and_delete(42), "new");
                return true;
            });
            map.erase(outer_key);
            ++calls;
            return true;
        });
        EXPECT_EQ(calls, 3);
        EXPECT_EQ(map.size(), 0U);
        co_return;
    });
}

// Go: sync/map_test.go TestIssue40999. What is stored and erased is freed while the map lives.
TEST_P(MapTest, ErasedEntriesAreFreed) {
    run([]() -> Task<void> {
        ConcurrentMap<int, std::shared_ptr<int>> map;
        const auto value = std::make_shared<int>(1);
        map.store(-1, nullptr);
        for (int key = 0; key < 20'000; ++key) {
            map.store(key, value);
            EXPECT_TRUE(map.erase(key));
        }
        EXPECT_LT(value.use_count(), 10'000) << "nothing was freed";
        co_return;
    });
}

// Go: sync/map_test.go TestCompareAndSwap_NonExistingKey.
TEST_P(MapTest, CompareAndSwapNonExistingKey) {
    run([]() -> Task<void> {
        ConcurrentMap<int, int> map;
        EXPECT_FALSE(map.compare_and_swap(1, 0, 42));
        EXPECT_FALSE(map.compare_and_delete(1, 0));
        EXPECT_EQ(map.load(1), std::nullopt);
        co_return;
    });
}

// Go: sync.Map's compare_and_swap is atomic: each of many increments counts.
TEST_P(MapTest, CompareAndSwapLosesNoIncrement) {
    run([]() -> Task<void> {
        ConcurrentMap<int, int> map;
        map.store(1, 0);
        const int each = scaled(1000);
        WaitGroup wg;
        for (int task = 0; task < 8; ++task) {
            wg.go([&]() -> Task<void> {
                for (int done = 0; done < each;) {
                    const int seen = *map.load(1);
                    done += map.compare_and_swap(1, seen, seen + 1) ? 1 : 0;
                    if (done % 64 == 0) {
                        co_await yield();
                    }
                }
            });
        }
        co_await wg.wait();
        EXPECT_EQ(map.load(1), 8 * each);
    });
}

// Go: sync/map_test.go, load_and_delete and load_or_store: of many who try, one succeeds.
TEST_P(MapTest, OneOfManyStoresAndOneDeletes) {
    run([]() -> Task<void> {
        ConcurrentMap<int, int> map;
        for (int key = 0; key < scaled(200); ++key) {
            Atomic<int> stored{0};
            Atomic<int> deleted{0};
            WaitGroup wg;
            for (int task = 0; task < 4; ++task) {
                wg.go([&, task]() -> Task<void> {
                    stored.fetch_add(map.load_or_store(key, task).loaded ? 0 : 1);
                    co_return;
                });
            }
            co_await wg.wait();
            for (int task = 0; task < 4; ++task) {
                wg.go([&]() -> Task<void> {
                    deleted.fetch_add(map.load_and_delete(key) ? 1 : 0);
                    co_return;
                });
            }
            co_await wg.wait();
            EXPECT_EQ(stored.load(), 1);
            EXPECT_EQ(deleted.load(), 1);
        }
    });
}

// Go: sync/map_test.go TestMapRangeNoAllocations' neighbours: MapDelete and MapClear.
TEST_P(MapTest, MapClearAndDelete) {
    run([]() -> Task<void> {
        ConcurrentMap<int, int> map;
        for (int key = 0; key < 100; ++key) {
            map.store(key, key);
        }
        EXPECT_TRUE(map.erase(7));
        EXPECT_FALSE(map.erase(7));
        EXPECT_EQ(map.size(), 99U);
        map.clear();
        EXPECT_EQ(map.size(), 0U);
        EXPECT_TRUE(contents(map).empty());
        EXPECT_EQ(map.load(8), std::nullopt);
        EXPECT_FALSE(map.load_or_store(8, 1).loaded);
        co_return;
    });
}

// Go: sync/map_test.go TestConcurrentClear.
TEST_P(MapTest, ConcurrentClear) {
    run([]() -> Task<void> {
        ConcurrentMap<int, int> map;
        const int each = scaled(500);
        WaitGroup wg;
        for (int task = 0; task < 4; ++task) {
            wg.go([&, task]() -> Task<void> {
                for (int i = 0; i < each; ++i) {
                    const int key = task * each + i;
                    map.store(key, key);
                    if (i % 16 == 0) {
                        map.clear();
                        co_await yield();
                    }
                    const auto value = map.load(key);
                    EXPECT_TRUE(!value || value == key);
                }
            });
        }
        co_await wg.wait();
        map.clear();
        EXPECT_EQ(map.size(), 0U);
        EXPECT_TRUE(contents(map).empty());
    });
}

}  // namespace
}  // namespace mynah::conc
