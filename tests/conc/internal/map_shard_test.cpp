#include "conc/internal/map_shard.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "conc/internal/read_section.hpp"

namespace mynah::conc::internal {
namespace {

using Shard = MapShard<int, std::string>;
using Node = Shard::Node;
using Value = Shard::Value;

std::uint32_t hash_of(int key) {
    return static_cast<std::uint32_t>(key) * 0x9e3779b9U;
}

Shard::Found find(const Shard& shard, int key) {
    return shard.find(hash_of(key), key, std::equal_to<>());
}

std::unique_ptr<Node> node_of(int key) {
    return std::make_unique<Node>(key, hash_of(key), Value(std::to_string(key)));
}

/// The key is not there yet.
void insert(Shard& shard, int key) {
    Chores chores;
    {
        const ReadSection section;
        auto node = node_of(key);
        ASSERT_TRUE(shard.link(find(shard, key), node, chores));
    }
    shard.settle(chores);
}

/// What another writer does between a find and the change that relies on it.
class MapShardStale : public testing::Test {
  protected:
    MapShardStale() { insert(shard_, 1); }

    void expect_stale(const Shard::Found& found) {
        Value fresh(std::string("fresh"));
        EXPECT_FALSE(shard_.replace(found, fresh, chores_));
        EXPECT_FALSE(shard_.unlink(found, chores_));
    }

    Shard shard_;
    Chores chores_;
};

TEST_F(MapShardStale, ANodeThatWasUnlinkedIsNotChanged) {
    const ReadSection section;
    const auto found = find(shard_, 1);
    ASSERT_TRUE(shard_.unlink(found, chores_));
    expect_stale(found);
    auto again = node_of(1);
    ASSERT_TRUE(shard_.link(find(shard_, 1), again, chores_));
    expect_stale(found);
    EXPECT_EQ(shard_.size(), 1U);
}

TEST_F(MapShardStale, ANodeThatWasClearedAwayIsNotChanged) {
    const ReadSection section;
    const auto found = find(shard_, 1);
    shard_.clear();
    expect_stale(found);
    EXPECT_EQ(shard_.size(), 0U);
}

TEST_F(MapShardStale, AKeyIsNotPutInTwice) {
    const ReadSection section;
    const auto absent = find(shard_, 2);
    auto first = node_of(2);
    auto second = node_of(2);
    ASSERT_TRUE(shard_.link(absent, first, chores_));
    EXPECT_FALSE(shard_.link(absent, second, chores_));
    EXPECT_EQ(shard_.size(), 2U);
}

TEST_F(MapShardStale, NothingIsPutIntoATableThatIsNoLongerTheOne) {
    const ReadSection section;
    const auto absent = find(shard_, 2);
    auto node = node_of(2);
    shard_.clear();
    EXPECT_FALSE(shard_.link(absent, node, chores_));
    const auto empty = find(shard_, 2);
    auto other = node_of(3);
    ASSERT_TRUE(shard_.link(empty, other, chores_));
    EXPECT_FALSE(shard_.link(empty, node, chores_));
    EXPECT_EQ(shard_.size(), 1U);
}

TEST_F(MapShardStale, AValueThatIsNoLongerTheExpectedOneIsNotReplaced) {
    const ReadSection section;
    const auto found = find(shard_, 1);
    const Shard::Held before = found.node->value.peek();
    Value fresh(std::string("fresh"));
    ASSERT_TRUE(shard_.replace(found, fresh, chores_, &before));
    Value late(std::string("late"));
    EXPECT_FALSE(shard_.replace(found, late, chores_, &before));
    EXPECT_FALSE(shard_.unlink(found, chores_, &before));
    EXPECT_EQ(Value::get(found.node->value.peek()), "fresh");
}

// The walk stands on the chains of the first table while the shard wants to grow many times over.
TEST(MapShard, AWalkIsNotLedAstrayByTablesThatGrow) {
    Shard shard;
    constexpr int kBefore = 6;
    for (int key = 0; key < kBefore; ++key) {
        insert(shard, key);
    }
    std::multiset<int> seen;
    int next = kBefore;
    {
        const ReadSection section;
        shard.each([&](const Node& node) {
            seen.insert(node.key);
            for (int i = 0; i < 100; ++i) {
                insert(shard, next++);
            }
        });
    }
    for (int key = 0; key < kBefore; ++key) {
        EXPECT_EQ(seen.count(key), 1U) << key;
    }
    for (int key = 0; key < next; ++key) {
        const ReadSection section;
        EXPECT_NE(find(shard, key).node, nullptr) << key;
    }
}

TEST(MapShard, TheTableGrowsOnOnceNobodyReadsTheOneBefore) {
    Shard shard;
    const auto table_size = [&shard] {
        const ReadSection section;
        return find(shard, 0).table->size();
    };
    int next = 0;
    {
        insert(shard, next++);
        const ReadSection section;
        for (int i = 0; i < 200; ++i) {
            insert(shard, next++);
        }
        EXPECT_EQ(table_size(), Shard::kFirstSize * 2);
    }
    for (int i = 0; i < 200; ++i) {
        insert(shard, next++);
    }
    // Each insertion past the next multiple of a batch doubles it.
    EXPECT_GT(table_size(), static_cast<std::size_t>(next));
}

}  // namespace
}  // namespace mynah::conc::internal
