#include "conc/concurrent_map.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "conc/internal/random.hpp"
#include "tests/conc/concurrent_map_support.hpp"

namespace mynah::conc {
namespace {

using internal::Random;

TEST(ConcurrentMap, EveryMemberReportsWhatWasThere) {
    ConcurrentMap<std::string, std::string> map;
    EXPECT_EQ(map.load("a"), std::nullopt);
    EXPECT_FALSE(map.erase("a"));
    EXPECT_EQ(map.load_and_delete("a"), std::nullopt);
    EXPECT_EQ(map.swap("a", "1"), std::nullopt);
    EXPECT_EQ(map.swap("a", "2"), "1");
    EXPECT_EQ(map.load("a"), "2");
    map.store("a", "3");
    const auto kept = map.load_or_store("a", "4");
    EXPECT_TRUE(kept.loaded);
    EXPECT_EQ(kept.value, "3");
    const auto stored = map.load_or_store("b", "5");
    EXPECT_FALSE(stored.loaded);
    EXPECT_EQ(stored.value, "5");
    EXPECT_EQ(map.size(), 2U);
    EXPECT_EQ(map.load_and_delete("a"), "3");
    EXPECT_TRUE(map.erase("b"));
    EXPECT_EQ(map.load("b"), std::nullopt);
    EXPECT_EQ(map.size(), 0U);
}

// TestCompareAndSwap_NonExistingKey and what goes with it: an absent key equals nothing.
TEST(ConcurrentMap, CompareAndSwapOfAnAbsentKeyDoesNothing) {
    ConcurrentMap<int, int> map;
    EXPECT_FALSE(map.compare_and_swap(1, 0, 42));
    EXPECT_FALSE(map.compare_and_delete(1, 0));
    EXPECT_EQ(map.load(1), std::nullopt);
    EXPECT_EQ(map.size(), 0U);
}

TEST(ConcurrentMap, CompareMembersActOnAnEqualValueOnly) {
    ConcurrentMap<int, std::string> map;
    map.store(1, "one");
    EXPECT_FALSE(map.compare_and_swap(1, "two", "three"));
    EXPECT_FALSE(map.compare_and_delete(1, "two"));
    EXPECT_TRUE(map.compare_and_swap(1, "one", "two"));
    EXPECT_EQ(map.load(1), "two");
    EXPECT_TRUE(map.compare_and_delete(1, "two"));
    EXPECT_EQ(map.load(1), std::nullopt);
}

TEST(ConcurrentMap, HoldsKeysAndValuesThatOnlyMove) {
    ConcurrentMap<std::unique_ptr<int>, std::unique_ptr<int>> map;
    auto key = std::make_unique<int>(1);
    const std::unique_ptr<int> absent;
    map.store(std::move(key), std::make_unique<int>(2));
    map.store(nullptr, nullptr);
    map.store(nullptr, std::make_unique<int>(3));
    EXPECT_EQ(map.size(), 2U);
    EXPECT_FALSE(map.compare_and_delete(absent, nullptr));
    EXPECT_TRUE(map.erase(absent));
    EXPECT_EQ(map.size(), 1U);
}

TEST(ConcurrentMap, AMemberThatThrowsLeavesTheMapAsItWas) {
    struct Brittle {
        explicit Brittle(bool breaks_now) : breaks(breaks_now) {}
        Brittle(const Brittle& other) : breaks(other.breaks) {
            if (breaks) {
                throw std::runtime_error("copy");
            }
        }
        Brittle& operator=(const Brittle&) = delete;
        ~Brittle() = default;
        bool breaks;
    };
    ConcurrentMap<int, Brittle> map;
    map.store(1, Brittle(false));
    EXPECT_THROW(map.store(1, Brittle(true)), std::runtime_error);
    EXPECT_THROW(map.store(2, Brittle(true)), std::runtime_error);
    EXPECT_THROW(map.load_or_store(2, Brittle(true)), std::runtime_error);
    EXPECT_EQ(map.size(), 1U);
    EXPECT_FALSE(map.load(1)->breaks);
    EXPECT_TRUE(map.erase(1));
}

// TestMapMatchesRWMutex, TestMapMatchesDeepCopy: the same calls give the same answers as a plain map does.
template <class Hash>
void matches_a_plain_map(std::uint64_t seed, std::uint32_t keys, int calls) {
    Random random(seed);
    ConcurrentMap<int, int, Hash> map;
    std::map<int, int> model;
    const auto erase = [&model](int key) -> std::optional<int> {
        const auto found = model.extract(key);
        return found ? std::optional(found.mapped()) : std::nullopt;
    };
    for (int call = 0; call < calls; ++call) {
        const int key = static_cast<int>(random.below(keys));
        const int value = static_cast<int>(random.below(4));
        const int other = static_cast<int>(random.below(4));
        const auto found = model.find(key);
        const std::optional<int> now = found == model.end() ? std::nullopt : std::optional(found->second);
        switch (random.below(call % 1000 == 999 ? 9 : 8)) {
            case 0:
                map.store(key, value);
                model[key] = value;
                break;
            case 1: {
                const auto [actual, loaded] = map.load_or_store(key, value);
                ASSERT_EQ(loaded, now.has_value());
                ASSERT_EQ(actual, model.emplace(key, value).first->second);
                break;
            }
            case 2:
                ASSERT_EQ(map.load_and_delete(key), erase(key));
                break;
            case 3:
                ASSERT_EQ(map.erase(key), erase(key).has_value());
                break;
            case 4:
                ASSERT_EQ(map.swap(key, value), now);
                model[key] = value;
                break;
            case 5:
                ASSERT_EQ(map.compare_and_swap(key, other, value), now == other);
                if (now == other) {
                    model[key] = value;
                }
                break;
            case 6:
                ASSERT_EQ(map.compare_and_delete(key, other), now == other);
                if (now == other) {
                    model.erase(key);
                }
                break;
            case 7:
                ASSERT_EQ(map.load(key), now);
                break;
            default:
                map.clear();
                model.clear();
        }
        ASSERT_EQ(map.size(), model.size());
    }
    EXPECT_EQ(contents(map), model);
}

template <class Hash>
class ConcurrentMapHash : public testing::Test {};
TYPED_TEST_SUITE(ConcurrentMapHash, MapHashes);

TYPED_TEST(ConcurrentMapHash, GivesTheAnswersOfAPlainMap) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        matches_a_plain_map<TypeParam>(seed, seed % 2 == 0 ? 8 : 300, 4000);
    }
}

// A hash that leaves only its upper or middle bits differing must not make one chain of the whole map.
TYPED_TEST(ConcurrentMapHash, FindsEveryKeyAfterGrowing) {
    ConcurrentMap<int, int, TypeParam> map;
    constexpr int kKeys = 2000;
    for (int key = 0; key < kKeys; ++key) {
        map.store(key, -key);
    }
    for (int key = 0; key < kKeys; ++key) {
        ASSERT_EQ(map.load(key), -key);
    }
    EXPECT_EQ(map.load(kKeys), std::nullopt);
    EXPECT_EQ(map.size(), static_cast<std::size_t>(kKeys));
    EXPECT_EQ(contents(map).size(), static_cast<std::size_t>(kKeys));
}

// TestMapDelete, TestMapClear.
TEST(ConcurrentMap, AClearedMapIsEmptyAndMayBeUsedAgain) {
    ConcurrentMap<int, int> map;
    map.clear();
    for (int round = 0; round < 3; ++round) {
        for (int key = 0; key < 500; ++key) {
            map.store(key, round);
        }
        map.clear();
        EXPECT_EQ(map.size(), 0U);
        EXPECT_TRUE(contents(map).empty());
        EXPECT_EQ(map.load(7), std::nullopt);
        EXPECT_FALSE(map.erase(7));
    }
}

TEST(ConcurrentMap, RangeStopsWhereFnReturnsFalse) {
    ConcurrentMap<int, int> map;
    for (int key = 0; key < 100; ++key) {
        map.store(key, key);
    }
    int seen = 0;
    map.range([&seen](const int&, const int&) { return ++seen < 10; });
    EXPECT_EQ(seen, 10);
}

// TestMapRangeNestedCall.
TEST(ConcurrentMap, RangeMayCallEveryMember) {
    ConcurrentMap<int, std::string> map;
    map.store(0, "hello");
    map.store(1, "world");
    map.store(2, "Go");
    map.range([&map](const int& outer, const std::string&) {
        map.range([&map](const int& key, const std::string& value) {
            EXPECT_EQ(map.load(key), value);
            EXPECT_FALSE(map.load_or_store(42, "dummy").loaded);
            EXPECT_TRUE(map.compare_and_swap(42, "dummy", "other"));
            EXPECT_EQ(map.swap(42, "map"), "other");
            EXPECT_EQ(map.load_and_delete(42), "map");
            return true;
        });
        EXPECT_TRUE(map.erase(outer));
        return true;
    });
    EXPECT_EQ(map.size(), 0U);
    map.store(1, "again");
    map.range([&map](const int&, const std::string&) {
        map.clear();
        return true;
    });
    EXPECT_EQ(map.size(), 0U);
}

// What is overwritten or erased is destroyed while the map lives: what waits has a bound, however much was written.
TEST(ConcurrentMap, DestroysWhatWasOverwrittenWhileItLives) {
    ASSERT_EQ(Counted::alive.load(), 0);
    ConcurrentMap<int, Counted> map;
    std::int64_t most = 0;
    for (int i = 0; i < 100'000; ++i) {
        map.store(i % 10, Counted(i));
        if (i % 7 == 0) {
            map.erase(i % 10);
        }
        most = std::max(most, Counted::alive.load());
    }
    EXPECT_LE(most, 10 * 2 * 64 + 16);
    map.clear();
    EXPECT_EQ(Counted::alive.load(), 0);  // clear() has no reader to wait for here
}

// A destructor, a comparison or a copy of the user's may call the map.
TEST(ConcurrentMap, AValueMayUseTheMapWhenItIsDestroyed) {
    struct Entry;
    using Map = ConcurrentMap<int, std::shared_ptr<Entry>>;
    struct Entry {
        Map* map;
        int key;
        ~Entry() { map->store(-1 - key % 3, nullptr); }
    };
    Map map;
    for (int i = 0; i < 5000; ++i) {
        map.store(i % 4, std::make_shared<Entry>(&map, i));
    }
    map.clear();
    map.clear();
    for (int i = 0; i < 4; ++i) {
        map.erase(i);
    }
    EXPECT_LE(map.size(), 3U);
}

}  // namespace
}  // namespace mynah::conc
