// concurrent_map.hpp -- a hash map for tasks and threads at once.    Go: sync.Map
//
// What     ConcurrentMap<K, V, Hash, Equal>: load, store, load_or_store, load_and_delete, erase, swap,
//          compare_and_swap, compare_and_delete, range, clear, size. Values go in and come out by value, so nobody
//          holds a reference.
// Threads  every member, from any worker and any thread; nothing in it ever waits for another task.
// Order    linearizable for each key. A write synchronizes-before the load that returns its value. range and clear
//          take a part of the keys at a time: they see no single moment of the whole map.
// Errors   where a member throws (no memory; what K, V, Hash or Equal throw), the map is as it was before, but for
//          swap and load_and_delete: V's copy constructor runs after the change.
// Cost     load takes no lock and writes to a cache line of its thread only: two stores, the chain, a copy of V. A
//          write takes one short spin lock, of 32. To overwrite allocates nothing where V is a number, a pointer or
//          the like of at most eight bytes, else one block. An insertion that fills a table relinks a 32nd of the map
//          under its lock. Now and then an erasure, or an overwriting of what is larger, interrupts the other
//          processors for a moment (membarrier). The table does not shrink, but for clear. size adds up 32 numbers.
// Lifetime what was erased or overwritten is destroyed by a later write, once no load can see it: up to 128 pieces
//          wait in each of 32 parts, and more only while a reader has lost its processor in the middle of a load. The
//          destructor destroys the rest. The map must outlive every call.
// Differs  from Go: K and V are types of their own. What K, V, Hash and Equal run (comparing, copying, destroying)
//          may call the map, and runs under no lock; but it should not wait for others, since memory stays until it
//          returns. range copies a 32nd of the map before it calls fn with it. V need only be movable for the members
//          that return none.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "conc/internal/map_shard.hpp"
#include "conc/internal/read_section.hpp"

namespace mynah::conc {

template <class K, class V, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
class ConcurrentMap {
  public:
    /// The value that the key has now, and whether it had it before.
    struct Loaded {
        V value;
        bool loaded;
    };

    explicit ConcurrentMap(Hash hash = Hash(), Equal equal = Equal())
        : hash_(std::move(hash)), equal_(std::move(equal)) {}
    ConcurrentMap(const ConcurrentMap&) = delete;
    ConcurrentMap& operator=(const ConcurrentMap&) = delete;
    ~ConcurrentMap() = default;

    std::optional<V> load(const K& key) const
        requires std::copy_constructible<V>
    {
        const Place place = place_of(key);
        const internal::ReadSection section;
        const Found found = find(place, key);
        if (found.node == nullptr) {
            return std::nullopt;
        }
        return std::optional<V>(Value::get(found.node->value.peek()));
    }

    void store(const K& key, V value) { put(key, std::move(value), ignore); }
    void store(K&& key, V value) { put(std::move(key), std::move(value), ignore); }

    /// Stores, and returns the value that the key had before, if any.
    std::optional<V> swap(const K& key, V value)
        requires std::copy_constructible<V>
    {
        std::optional<V> before;
        put(key, std::move(value), [&before](const V& old) { before.emplace(old); });
        return before;
    }
    std::optional<V> swap(K&& key, V value)
        requires std::copy_constructible<V>
    {
        std::optional<V> before;
        put(std::move(key), std::move(value), [&before](const V& old) { before.emplace(old); });
        return before;
    }

    /// Stores where the key has no value; else leaves it its own.
    Loaded load_or_store(const K& key, V value)
        requires std::copy_constructible<V>
    {
        return put_if_absent(key, std::move(value));
    }
    Loaded load_or_store(K&& key, V value)
        requires std::copy_constructible<V>
    {
        return put_if_absent(std::move(key), std::move(value));
    }

    /// Erases, and returns the value that the key had, if any.
    std::optional<V> load_and_delete(const K& key)
        requires std::copy_constructible<V>
    {
        std::optional<V> before;
        remove(key, [&before](const V& old) { before.emplace(old); });
        return before;
    }

    /// Whether the key was there.
    bool erase(const K& key) { return remove(key, ignore); }

    /// Stores `desired` where the key has a value equal to `expected`. Whether it did.
    bool compare_and_swap(const K& key, const V& expected, V desired)
        requires std::equality_comparable<V>
    {
        const Place place = place_of(key);
        Chores chores;
        bool swapped = false;
        {
            const internal::ReadSection section;
            if (std::optional<Match> match = find_equal(place, key, expected)) {
                Value fresh(std::move(desired));
                while (match && !place.shard.replace(match->found, fresh, chores, &match->held)) {
                    match = find_equal(place, key, expected);
                }
                swapped = match.has_value();
            }
        }
        place.shard.settle(chores);
        return swapped;
    }

    /// Erases the key where it has a value equal to `expected`. Whether it did.
    bool compare_and_delete(const K& key, const V& expected)
        requires std::equality_comparable<V>
    {
        const Place place = place_of(key);
        Chores chores;
        bool deleted = false;
        {
            const internal::ReadSection section;
            while (const std::optional<Match> match = find_equal(place, key, expected)) {
                deleted = place.shard.unlink(match->found, chores, &match->held);
                if (deleted) {
                    break;
                }
            }
        }
        place.shard.settle(chores);
        return deleted;
    }

    /// Calls fn(const K&, const V&) for each key, until it returns false. Sees no key twice, and every key that is
    /// there from beginning to end; of a key that changes meanwhile, what it had at some moment of the call. fn may
    /// call every other member.
    template <class Fn>
        requires std::predicate<Fn&, const K&, const V&>
    void range(Fn fn) const
        requires std::copy_constructible<K> && std::copy_constructible<V>
    {
        std::vector<std::pair<K, V>> entries;
        for (const Shard& shard : *shards_) {
            entries.clear();
            {
                const internal::ReadSection section;
                shard.each(
                    [&entries](const Node& node) { entries.emplace_back(node.key, Value::get(node.value.peek())); });
            }
            for (const auto& [key, value] : entries) {
                if (!fn(key, value)) {
                    return;
                }
            }
        }
    }

    /// Erases every key that is there when it begins.
    void clear() {
        for (Shard& shard : *shards_) {
            shard.clear();
        }
    }

    /// How many keys there are; while others write, a number between what was there at some moments of the call.
    std::size_t size() const noexcept {
        std::size_t size = 0;
        for (const Shard& shard : *shards_) {
            size += shard.size();
        }
        return size;
    }

  private:
    using Shard = internal::MapShard<K, V>;
    using Node = typename Shard::Node;
    using Value = typename Shard::Value;
    using Held = typename Shard::Held;
    using Found = typename Shard::Found;
    using Chores = internal::Chores;

    static constexpr unsigned kShardBits = 5;

    struct Place {
        Shard& shard;
        std::uint32_t hash;
    };

    struct Match {
        Found found;
        Held held;
    };

    static void ignore(const V&) noexcept {}

    /// Spreads the hash over the upper bits: std::hash of a number is the number. The golden ratio leaves the least
    /// collisions among keys that follow each other.
    std::uint64_t mixed(const K& key) const {
        const auto bits = static_cast<std::uint64_t>(hash_(key));
        return (bits ^ (bits >> 32U)) * 0x9e3779b97f4a7c15U;
    }

    Place place_of(const K& key) const {
        const std::uint64_t bits = mixed(key);
        // The uppermost bits choose the shard, the 32 below them the bucket in it.
        return {.shard = (*shards_)[bits >> (64U - kShardBits)],
                .hash = static_cast<std::uint32_t>(bits >> (32U - kShardBits))};
    }

    Found find(const Place& place, const K& key) const { return place.shard.find(place.hash, key, equal_); }

    /// In a section: the key's place where its value equals `expected`.
    std::optional<Match> find_equal(const Place& place, const K& key, const V& expected) const {
        const Found found = find(place, key);
        if (found.node == nullptr) {
            return std::nullopt;
        }
        const Held held = found.node->value.peek();
        if (!(Value::get(held) == expected)) {
            return std::nullopt;
        }
        return Match{.found = found, .held = held};
    }

    /// Stores, and shows `on_old` the value that the key had before, if any.
    template <class Key, class OnOld>
    void put(Key&& key, V&& value, OnOld on_old) {
        const Place place = place_of(key);
        Chores chores;
        {
            const internal::ReadSection section;
            put_in(place, std::forward<Key>(key), std::move(value), on_old, chores);
        }
        place.shard.settle(chores);
    }

    /// In a section.
    template <class Key, class OnOld>
    void put_in(const Place& place, Key&& key, V&& value, OnOld& on_old, Chores& chores) {
        Found found = find(place, key);
        if (found.node != nullptr) {
            found.node->value.prefetch();  // while the new one is made
        }
        Value fresh(std::move(value));
        while (found.node != nullptr) {
            if (overwrite(place, found, fresh, on_old, chores)) {
                return;
            }
            found = find(place, key);
        }
        auto node = std::make_unique<Node>(std::forward<Key>(key), place.hash, std::move(fresh));
        while (found.node == nullptr ? !place.shard.link(found, node, chores)
                                     : !overwrite(place, found, node->value, on_old, chores)) {
            found = find(place, node->key);
        }
    }

    template <class OnOld>
    static bool overwrite(const Place& place, const Found& found, Value& fresh, OnOld& on_old, Chores& chores) {
        const std::optional<Held> old = place.shard.replace(found, fresh, chores);
        if (old) {
            on_old(Value::get(*old));
        }
        return old.has_value();
    }

    template <class Key>
    Loaded put_if_absent(Key&& key, V&& value) {
        const Place place = place_of(key);
        Chores chores;
        std::optional<Loaded> result;
        {
            const internal::ReadSection section;
            result.emplace(put_in_if_absent(place, std::forward<Key>(key), std::move(value), chores));
        }
        place.shard.settle(chores);
        return *std::move(result);
    }

    /// In a section.
    template <class Key>
    Loaded put_in_if_absent(const Place& place, Key&& key, V&& value, Chores& chores) {
        Found found = find(place, key);
        if (found.node == nullptr) {
            Loaded stored{.value = V(std::as_const(value)), .loaded = false};
            auto node = std::make_unique<Node>(std::forward<Key>(key), place.hash, Value(std::move(value)));
            while (found.node == nullptr) {
                if (place.shard.link(found, node, chores)) {
                    return stored;
                }
                found = find(place, node->key);
            }
        }
        return {.value = V(Value::get(found.node->value.peek())), .loaded = true};
    }

    template <class OnOld>
    bool remove(const K& key, OnOld on_old) {
        const Place place = place_of(key);
        Chores chores;
        bool removed = false;
        {
            const internal::ReadSection section;
            for (;;) {
                const Found found = find(place, key);
                if (found.node == nullptr) {
                    break;
                }
                if (place.shard.unlink(found, chores)) {
                    removed = true;
                    on_old(Value::get(found.node->value.peek()));
                    break;
                }
            }
        }
        place.shard.settle(chores);
        return removed;
    }

    [[no_unique_address]] Hash hash_;
    [[no_unique_address]] Equal equal_;
    // On the heap: a coroutine's frame, where the map may live, is not aligned to a cache line.
    using Shards = std::array<Shard, std::size_t{1} << kShardBits>;
    std::unique_ptr<Shards> shards_ = std::make_unique<Shards>();
};

}  // namespace mynah::conc
