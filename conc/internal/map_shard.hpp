// map_shard.hpp -- one part of a ConcurrentMap: a table of chains that writers change under a lock and readers follow
// without one.
//
// What     find() without a lock, in a ReadSection; link, replace and unlink act on what find() found and fail where
//          it is no longer so: find again. They say in a Chores what is due; settle() does it afterwards, outside of
//          the section: it makes the table larger, and frees what nobody sees any longer.
// Threads  every member but the destructor, from any thread.
// Errors   no member but the constructor of a table allocates; where there is no memory for a larger table, chains
//          grow.
//
// Invariants
// - A node is in exactly one table, in the chain of its hash. Its key and hash never change. It is put in at the
//   head.
// - A chain runs through Node::next[side] of its table. A larger table has the other side: it links the same nodes
//   anew while readers go on in the old one, whose chains stay as they were. So a table may only grow while nobody
//   reads the one before it: old_links_ says that somebody might.
// - A node that was unlinked keeps its own links: who stands on it goes on to what was behind it.
// - A head that is still the same means that nothing was put in: the node at the head cannot come back while the
//   section is open in which it was found. The same holds for the table.
// - What was unlinked or replaced is in open_, or in closed_ with a ticket that no seal made before it has. It is
//   freed when the ticket has passed, without the lock and outside of sections: destructors are the user's code.
// - No code of the user's runs under the lock.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <sched.h>

#include "conc/internal/annotations.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/map_value.hpp"
#include "conc/internal/read_section.hpp"
#include "conc/internal/spin_lock.hpp"

namespace mynah::conc::internal {

template <class K, class V>
struct MapNode : FromThreadsPool {
    template <class Key>
    MapNode(Key&& from, std::uint32_t hash_bits, MapValue<V>&& fresh)
        : hash(hash_bits), key(std::forward<Key>(from)), value(std::move(fresh)) {}

    std::array<Atomic<MapNode*>, 2> next{};
    const std::uint32_t hash;
    bool unlinked = false;  // guarded by the shard's lock
    const K key;
    MapValue<V> value;
    MapNode* next_retired = nullptr;
};

/// As many buckets as a power of two, from 2 on.
template <class Node>
struct MapTable {
    explicit MapTable(std::size_t size)
        : shift(32U - static_cast<unsigned>(std::countr_zero(size))),
          buckets(std::make_unique<Atomic<Node*>[]>(size)) {}
    MapTable(const MapTable&) = delete;
    MapTable& operator=(const MapTable&) = delete;
    ~MapTable() {
        if (!owns_nodes) {
            return;
        }
        for (std::size_t i = 0; i < size(); ++i) {
            Node* node = buckets[i].load(kRelaxed);
            while (node != nullptr) {
                const std::unique_ptr<Node> owned(node);
                node = node->next[side].load(kRelaxed);
            }
        }
    }

    Atomic<Node*>& bucket(std::uint32_t hash) const noexcept { return buckets[hash >> shift]; }
    std::size_t size() const noexcept { return std::size_t{1} << (32U - shift); }
    bool is_full(std::size_t nodes) const noexcept { return nodes > size() / 4 * 3 && size() < kMostBuckets; }

    static constexpr std::size_t kMostBuckets = std::size_t{1} << 31U;

    const unsigned shift;    // the upper bits of a hash choose the bucket
    std::size_t side = 0;    // constant once the table is published
    bool owns_nodes = true;  // false once a larger table has them
    const std::unique_ptr<Atomic<Node*>[]> buckets;
    MapTable* next_retired = nullptr;
};

/// Owns what it holds, through T::next_retired.
template <class T>
class RetiredList {
  public:
    RetiredList() = default;
    RetiredList(RetiredList&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
    RetiredList& operator=(RetiredList&&) = delete;
    ~RetiredList() {
        while (first_ != nullptr) {
            const std::unique_ptr<T> owned(first_);
            first_ = first_->next_retired;
        }
    }

    void push(T* retired) noexcept {
        retired->next_retired = first_;
        first_ = retired;
        if (last_ == nullptr) {
            last_ = retired;
        }
    }

    /// Leaves `other` empty.
    void append(RetiredList& other) noexcept {
        if (other.first_ != nullptr) {
            other.last_->next_retired = first_;
            last_ = first_ == nullptr ? other.last_ : last_;
            first_ = std::exchange(other.first_, nullptr);
            other.last_ = nullptr;
        }
    }

  private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

/// What was unlinked or replaced, and is freed with this object.
template <class K, class V>
struct MapGarbage {
    using Node = MapNode<K, V>;

    void add(Node* node) noexcept {
        nodes.push(node);
        ++count;
    }
    void add(Box<V>* box) noexcept {
        boxes.push(box);
        ++count;
    }
    void add(MapTable<Node>* table) noexcept {
        tables.push(table);
        ++count;
        old_links = old_links || !table->owns_nodes;
    }
    /// Leaves `other` empty.
    void append(MapGarbage& other) noexcept {
        nodes.append(other.nodes);
        boxes.append(other.boxes);
        tables.append(other.tables);
        count += std::exchange(other.count, 0);
        old_links = std::exchange(other.old_links, false) || old_links;
    }
    RetiredList<Node> nodes;
    RetiredList<Box<V>> boxes;
    RetiredList<MapTable<Node>> tables;
    std::size_t count = 0;
    bool old_links = false;  // holds a table whose nodes are in a larger one
};

/// What a change has left to do.
struct Chores {
    bool grow = false;
    bool collect = false;
};

template <class K, class V>
class alignas(kCacheLineBytes) MapShard {
  public:
    using Value = MapValue<V>;
    using Held = typename Value::Held;
    using Node = MapNode<K, V>;
    using Table = MapTable<Node>;
    using Garbage = MapGarbage<K, V>;

    static constexpr std::size_t kFirstSize = 8;
    static constexpr std::size_t kBatch = 64;              // pieces of garbage for each seal
    static constexpr std::size_t kPatience = 16 * kBatch;  // more of it, and the writer yields to the reader

    /// The key's place at one moment. Holds as long as the section in which it was found.
    struct Found {
        Table* table = nullptr;
        Node* head = nullptr;
        Node* node = nullptr;  // nullptr: the key is not there
    };

    MapShard() = default;
    MapShard(const MapShard&) = delete;
    MapShard& operator=(const MapShard&) = delete;
    ~MapShard() { const std::unique_ptr<Table> owned(table_.load(kRelaxed)); }

    /// In a section.
    template <class Equal>
    Found find(std::uint32_t hash, const K& key, const Equal& equal) const {
        // acquire, here and along the chain: pairs with the release that published the table, the node or the link.
        Found found{.table = table_.load(kAcquire)};
        if (found.table == nullptr) {
            return found;
        }
        const std::size_t side = found.table->side;
        found.head = found.table->bucket(hash).load(kAcquire);
        for (Node* node = found.head; node != nullptr; node = node->next[side].load(kAcquire)) {
            if (node->hash == hash && equal(node->key, key)) {
                found.node = node;
                break;
            }
        }
        return found;
    }

    /// In a section: every node of the table, once.
    template <class Fn>
    void each(Fn fn) const {
        const Table* table = table_.load(kAcquire);
        for (std::size_t i = 0; table != nullptr && i < table->size(); ++i) {
            const Node* node = table->buckets[i].load(kAcquire);
            for (; node != nullptr; node = node->next[table->side].load(kAcquire)) {
                fn(*node);
            }
        }
    }

    /// Puts the node in where its key was not found. In the section of `found`.
    bool link(const Found& found, std::unique_ptr<Node>& node, Chores& chores) {
        std::unique_ptr<Table> first;
        if (found.table == nullptr) {
            first = std::make_unique<Table>(kFirstSize);
        }
        const SpinGuard guard(lock_);
        Table* table = table_.load(kRelaxed);  // only written under the lock
        if (table != found.table) {
            return false;
        }
        if (table == nullptr) {
            table = first.release();
            table_.store(table, kRelease);
        }
        Atomic<Node*>& bucket = table->bucket(node->hash);
        if (bucket.load(kRelaxed) != found.head) {
            return false;
        }
        node->next[table->side].store(found.head, kRelaxed);  // published with the node
        bucket.store(node.release(), kRelease);
        const std::size_t count = count_.load(kRelaxed) + 1;
        count_.store(count, kRelaxed);
        // Where the table cannot grow yet, not every insertion tries to.
        chores.grow = table->is_full(count) && (!old_links_ || count % kBatch == 0);
        return true;
    }

    /// Gives the node that was found fresh's value; where `expected`, only if it holds that. Returns what it held
    /// before. In the section of `found`.
    std::optional<Held> replace(const Found& found, Value& fresh, Chores& chores, const Held* expected = nullptr) {
        const SpinGuard guard(lock_);
        if (!still_there(found, expected)) {
            return std::nullopt;
        }
        const Held before = found.node->value.exchange(fresh);
        if constexpr (Value::kBoxed) {
            discard(before, chores);
        }
        return before;
    }

    /// Takes the node that was found out; where `expected`, only if it holds that. In the section of `found`.
    bool unlink(const Found& found, Chores& chores, const Held* expected = nullptr) {
        const SpinGuard guard(lock_);
        if (!still_there(found, expected)) {
            return false;
        }
        const std::size_t side = found.table->side;
        Atomic<Node*>* link = &found.table->bucket(found.node->hash);
        while (link->load(kRelaxed) != found.node) {
            link = &link->load(kRelaxed)->next[side];
        }
        link->store(found.node->next[side].load(kRelaxed), kRelease);  // release: publishes what is behind it
        found.node->unlinked = true;
        discard(found.node, chores);
        count_.store(count_.load(kRelaxed) - 1, kRelaxed);
        return true;
    }

    void clear() {
        {
            const SpinGuard guard(lock_);
            Table* table = table_.load(kRelaxed);
            if (table != nullptr) {
                table_.store(nullptr, kRelease);  // a writer that found a node in it finds again
                open_.add(table);
                count_.store(0, kRelaxed);
            }
        }
        collect(true);
    }

    std::size_t size() const noexcept { return count_.load(kRelaxed); }

    /// After a change, outside of sections.
    void settle(Chores chores) {
        if (chores.grow) {
            grow();
        }
        if (chores.collect) {
            collect(false);
        }
    }

  private:
    bool still_there(const Found& found, const Held* expected) const noexcept MYNAH_REQUIRES(lock_) {
        return table_.load(kRelaxed) == found.table && !found.node->unlinked &&
               (expected == nullptr || Value::same(found.node->value.peek(), *expected));
    }

    template <class T>
    void discard(T* piece, Chores& chores) noexcept MYNAH_REQUIRES(lock_) {
        open_.add(piece);
        chores.collect = open_.count % kBatch == 0;
    }

    void grow();
    static void move_nodes(Table& from, Table& to) noexcept;
    void collect(bool now);

    Atomic<Table*> table_{nullptr};  // alone on its line: readers share it
    alignas(kCacheLineBytes) SpinLock lock_;
    Atomic<std::size_t> count_{0};  // written under the lock
    bool old_links_ MYNAH_GUARDED_BY(lock_) = false;
    Ticket ticket_ MYNAH_GUARDED_BY(lock_) = 0;  // of closed_
    Garbage open_ MYNAH_GUARDED_BY(lock_);
    Garbage closed_ MYNAH_GUARDED_BY(lock_);
};

template <class K, class V>
void MapShard<K, V>::grow() {
    std::size_t size = 0;
    {
        const SpinGuard guard(lock_);
        const Table* table = table_.load(kRelaxed);
        if (table != nullptr && !old_links_ && table->is_full(count_.load(kRelaxed))) {
            size = table->size() * 2;
        }
    }
    std::unique_ptr<Table> larger;
    if (size != 0) {
        try {
            larger = std::make_unique<Table>(size);
        } catch (const std::bad_alloc&) {
            return;  // the chains grow instead
        }
        const SpinGuard guard(lock_);
        Table* table = table_.load(kRelaxed);
        if (table != nullptr && !old_links_ && table->size() < size) {
            larger->side = 1 - table->side;
            move_nodes(*table, *larger);
            table_.store(larger.release(), kRelease);
            table->owns_nodes = false;
            old_links_ = true;
            open_.add(table);
        }
    }
    collect(true);  // so that it may grow again
}

template <class K, class V>
void MapShard<K, V>::move_nodes(Table& from, Table& to) noexcept {
    for (std::size_t i = 0; i < from.size(); ++i) {
        for (Node* node = from.buckets[i].load(kRelaxed); node != nullptr;
             node = node->next[from.side].load(kRelaxed)) {
            // relaxed: published with the table.
            Atomic<Node*>& bucket = to.bucket(node->hash);
            node->next[to.side].store(bucket.load(kRelaxed), kRelaxed);
            bucket.store(node, kRelaxed);
        }
    }
}

// Takes the garbage out, so that the lock is free meanwhile, and puts back what has to wait. A writer that has filled a
// batch closes it and leaves it to the seals of others; only where there were none until the next batch is full, or
// where the garbage is wanted now, does it make its own.
template <class K, class V>
void MapShard<K, V>::collect(bool now) {
    Garbage open;
    Garbage closed;
    Garbage free;
    Ticket ticket = 0;
    {
        const SpinGuard guard(lock_);
        open.append(open_);
        closed.append(closed_);
        ticket = ticket_;
    }
    if (now) {
        closed.append(open);
    }
    if (closed.count != 0) {
        if (now || !sealed(ticket)) {
            ticket = seal().value_or(closing_ticket());
        }
        if (sealed(ticket) && passed_soon(ticket)) {
            free.append(closed);
        }
    }
    if (closed.count == 0 && open.count != 0) {
        closed.append(open);
        ticket = closing_ticket();
    }
    const bool far_behind = open.count > kPatience;
    {
        const SpinGuard guard(lock_);
        open_.append(open);
        if (closed.count != 0) {
            ticket_ = std::max(ticket_, ticket);  // another thread may have put something back meanwhile
            closed_.append(closed);
        }
        old_links_ = old_links_ && !free.old_links;
    }
    if (far_behind) {
        // The reader that holds all this back has lost its processor: let it have this one.
        ::sched_yield();
    }
}

}  // namespace mynah::conc::internal
