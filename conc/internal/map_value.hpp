// map_value.hpp -- how a node of ConcurrentMap holds its value: so that a load sees all of it, and takes no lock.
//
// What     MapValue<V> is InlineValue where the processor stores V in one piece, else BoxedValue: a pointer to an
//          immutable copy. A Held is what a node held at one moment: the value itself, or the box.
// Threads  peek, from any thread in a ReadSection; exchange, under the shard's lock; the rest by the owner.
// Order    an exchange synchronizes-before the peek that returns what it put in.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/frame_pool.hpp"

namespace mynah::conc::internal {

/// Takes its memory from the thread's free lists: what a writer frees as garbage is what it needs for the next
/// insertion.
struct FromThreadsPool {
    static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept { free_frame(memory, bytes); }
    static void* operator new(std::size_t bytes, std::align_val_t alignment) {
        return ::operator new(bytes, alignment);
    }
    static void operator delete(void* memory, std::align_val_t alignment) noexcept {
        ::operator delete(memory, alignment);
    }
};

/// Whether the processor reads and writes a V in one piece, and two of them are the same where their bytes are.
template <class V>
constexpr bool stored_in_one_piece() {
    constexpr bool kPlain = std::is_trivially_copyable_v<V> && std::is_copy_constructible_v<V> &&
                            std::is_move_constructible_v<V> && std::is_copy_assignable_v<V> &&
                            std::is_move_assignable_v<V>;
    constexpr bool kIsItsBytes = std::has_unique_object_representations_v<V> || std::is_floating_point_v<V>;
    if constexpr (kPlain && kIsItsBytes && sizeof(V) <= sizeof(void*)) {
        return Atomic<V>::is_always_lock_free;
    } else {
        return false;
    }
}

template <class V>
class InlineValue {
  public:
    struct Held {
        V value;
    };
    static constexpr bool kBoxed = false;

    explicit InlineValue(const V& value) noexcept : value_(value) {}
    InlineValue(InlineValue&& other) noexcept : value_(other.value_.load(kRelaxed)) {}
    InlineValue& operator=(InlineValue&&) = delete;
    ~InlineValue() = default;

    Held peek() const noexcept { return {value_.load(kAcquire)}; }
    void prefetch() const noexcept {}

    /// Puts fresh's value in, returns the one before.
    Held exchange(InlineValue& fresh) noexcept {
        const Held before{value_.load(kRelaxed)};  // only written under the lock
        value_.store(fresh.value_.load(kRelaxed), kRelease);
        return before;
    }

    static const V& get(const Held& held) noexcept { return held.value; }
    static bool same(const Held& a, const Held& b) noexcept {
        return std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof(V)) == 0;
    }

  private:
    Atomic<V> value_;
};

/// Immutable once it is in a node.
template <class V>
struct Box : FromThreadsPool {
    explicit Box(V&& from) : value(std::move(from)) {}
    explicit Box(const V& from) : value(from) {}

    const V value;
    Box* next_retired = nullptr;
};

template <class V>
class BoxedValue {
  public:
    using Held = Box<V>*;
    static constexpr bool kBoxed = true;

    template <class From>
    explicit BoxedValue(From&& value)
        requires(!std::is_same_v<std::remove_cvref_t<From>, BoxedValue>)
        : box_(std::make_unique<Box<V>>(std::forward<From>(value)).release()) {}
    BoxedValue(BoxedValue&& other) noexcept : box_(other.box_.exchange(nullptr, kRelaxed)) {}
    BoxedValue& operator=(BoxedValue&&) = delete;
    ~BoxedValue() { const std::unique_ptr<Box<V>> owned(box_.load(kRelaxed)); }

    Held peek() const noexcept { return box_.load(kAcquire); }
    /// Brings the box in, for who is about to replace it.
    void prefetch() const noexcept { __builtin_prefetch(box_.load(kRelaxed), 1); }

    /// Puts fresh's box in, returns the one before, which readers may still see.
    Held exchange(BoxedValue& fresh) noexcept {
        Box<V>* before = box_.load(kRelaxed);  // only written under the lock
        box_.store(fresh.box_.load(kRelaxed), kRelease);
        fresh.box_.store(nullptr, kRelaxed);
        return before;
    }

    static const V& get(const Held& held) noexcept { return held->value; }
    static bool same(const Held& a, const Held& b) noexcept { return a == b; }

  private:
    Atomic<Box<V>*> box_;
};

template <class V>
using MapValue = std::conditional_t<stored_in_one_piece<V>(), InlineValue<V>, BoxedValue<V>>;

}  // namespace mynah::conc::internal
