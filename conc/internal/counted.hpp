// counted.hpp -- shared ownership of an object that holds its own count: one word for each owner.
//
// What     Counted is the base of what is shared; CountedPtr<T> is one owner.
// Threads  each owner by one thread at a time; owners of one object, from any thread.
// Order    what every owner did with the object happens before it is deleted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "conc/internal/atomic.hpp"

namespace mynah::conc::internal {

class Counted {
  public:
    Counted() = default;
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    // relaxed: who adds an owner has one.
    void retain() const noexcept { owners_.fetch_add(1, kRelaxed); }
    /// True for the last owner, who deletes the object.
    [[nodiscard]] bool release() const noexcept {
        // acq_rel: the others' uses happen before the deletion.
        return owners_.fetch_sub(1, kAcqRel) == 1;
    }

  protected:
    ~Counted() = default;

  private:
    mutable Atomic<std::uint64_t> owners_{1};
};

/// T is a Counted, made with new.
template <class T>
class CountedPtr {
  public:
    CountedPtr() = default;
    CountedPtr(std::nullptr_t) noexcept {}
    CountedPtr(const CountedPtr& other) noexcept : object_(other.object_) {
        if (object_ != nullptr) {
            object_->retain();
        }
    }
    CountedPtr(CountedPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    CountedPtr& operator=(CountedPtr other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~CountedPtr() {
        if (object_ != nullptr && object_->release()) {
            delete object_;
        }
    }

    template <class... Args>
    static CountedPtr make(Args&&... args) {
        return CountedPtr(new T(std::forward<Args>(args)...));
    }

    /// A further owner of what somebody owns now.
    static CountedPtr share(T* object) noexcept {
        if (object != nullptr) {
            object->retain();
        }
        return CountedPtr(object);
    }

    /// Stands for an owner that retain() has counted.
    static CountedPtr adopt(T* object) noexcept { return CountedPtr(object); }

    T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    friend bool operator==(const CountedPtr&, const CountedPtr&) = default;
    friend bool operator==(const CountedPtr& pointer, std::nullptr_t) noexcept { return pointer.object_ == nullptr; }

  private:
    explicit CountedPtr(T* object) noexcept : object_(object) {}

    T* object_ = nullptr;
};

/// Leans on somebody else's owner until own() makes it one itself.
template <class T>
class BorrowedPtr {
  public:
    explicit BorrowedPtr(T* object) noexcept : object_(object) {}
    explicit BorrowedPtr(CountedPtr<T> owner) noexcept : object_(owner.get()), own_(std::move(owner)) {}

    void own() noexcept {
        if (object_ != nullptr && own_ == nullptr) {
            own_ = CountedPtr<T>::share(object_);
        }
    }

    T* get() const noexcept { return object_; }
    T* operator->() const noexcept { return object_; }

  private:
    T* object_;
    CountedPtr<T> own_;
};

}  // namespace mynah::conc::internal
