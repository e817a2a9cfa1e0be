// promise.hpp -- what every coroutine frame of conc carries, and how one hands control to the next.
//
// A frame knows its task (record), who awaits it (caller) and where it awaits now (site): together that is the await
// chain which dump_tasks() prints.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include "conc/internal/frame_pool.hpp"
#include "conc/internal/task_record.hpp"

// Symmetric transfer is a tail call only where the optimiser is on and no sanitizer adds code after the call.
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MYNAH_CONC_TRAMPOLINE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define MYNAH_CONC_TRAMPOLINE 1
#endif
#endif

namespace mynah::conc::internal {

/// Where the trampoline finds the coroutine to resume next: the running worker's slot.
void set_transfer(Worker& worker, std::coroutine_handle<> to) noexcept;

/// Notes that the task's root coroutine has ended; the worker deletes it after the coroutine has suspended.
void set_finished(PromiseBase& root) noexcept;

/// Keeps the await chain for the task, unless that of this same exception is kept already.
void note_exception(PromiseBase& promise) noexcept;

/// Gives control to `to` on behalf of `task`, which is running.
[[gnu::always_inline]] inline std::coroutine_handle<> transfer([[maybe_unused]] TaskRecord& task,
                                                               std::coroutine_handle<> to) noexcept {
#if defined(MYNAH_CONC_TRAMPOLINE)
    set_transfer(*task.worker, to);
    return std::noop_coroutine();
#else
    return to;
#endif
}

struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        auto& promise = ended.promise();
        if (promise.caller != nullptr) {
            return transfer(*promise.record, promise.caller->self());
        }
        set_finished(promise);
        return std::noop_coroutine();
    }

    void await_resume() const noexcept {}
};

#if !defined(__clang__)
/// Stands for an awaiter that lives elsewhere. GCC 12 copies an awaiter that it is given as a reference, and awaiters
/// are waiters: they cannot be copied. Clang does not, and then the frame need not hold a pointer to it.
template <class Awaiter>
struct AwaiterReference {
    Awaiter* awaiter;

    [[gnu::always_inline]] bool await_ready() noexcept(noexcept(awaiter->await_ready())) {
        return awaiter->await_ready();
    }
    template <class Promise>
    [[gnu::always_inline]] decltype(auto) await_suspend(std::coroutine_handle<Promise> where) noexcept(
        noexcept(awaiter->await_suspend(where))) {
        return awaiter->await_suspend(where);
    }
    [[gnu::always_inline]] decltype(auto) await_resume() noexcept(noexcept(awaiter->await_resume())) {
        return awaiter->await_resume();
    }
};
#endif

struct PromiseBase {
    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {}; }

    // Clang 19: must not throw, so the exception is kept for the awaiting coroutine.
    void unhandled_exception() noexcept {
        error = std::current_exception();
        note_exception(*this);
    }

    /// Remembers where the coroutine awaits, and yields what is to be awaited.
    template <class Awaitable>
    decltype(auto) await_transform(Awaitable&& awaitable,
                                   std::source_location where = std::source_location::current()) noexcept {
        site = where;
        if constexpr (requires { static_cast<Awaitable&&>(awaitable).operator co_await(); }) {
            return static_cast<Awaitable&&>(awaitable).operator co_await();
        } else {
            // By reference: a temporary lives until the end of the whole expression.
#if defined(__clang__)
            return static_cast<Awaitable&&>(awaitable);
#else
            return AwaiterReference<std::remove_reference_t<Awaitable> >{&awaitable};
#endif
        }
    }

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { free_frame(memory, size); }

    /// This coroutine. Every promise of ours begins with its PromiseBase and is aligned as any frame is, so that the
    /// way from it to the frame is the same for all: each parked task is the smaller for it.
    std::coroutine_handle<> self() noexcept { return std::coroutine_handle<PromiseBase>::from_promise(*this); }

    TaskRecord* record = nullptr;
    PromiseBase* caller = nullptr;  // who awaits this coroutine; nullptr: it is the task's root
    std::source_location site;
    std::exception_ptr error;
};

/// The coroutine that the task began with.
inline PromiseBase& root_of(PromiseBase& leaf) noexcept {
    PromiseBase* root = &leaf;
    while (root->caller != nullptr) {
        root = root->caller;
    }
    return *root;
}

/// Sets state, reason and time of the wait, for dumps.
void note_waiting(TaskRecord& task, WaitReason reason) noexcept;

/// First step of every park: says where the task continues and what it waits for.
///
/// Call it in await_suspend before the waiter is published: from then on the record belongs to whoever wakes it.
template <class Promise>
TaskRecord& park(std::coroutine_handle<Promise> where, WaitReason reason) noexcept {
    static_assert(std::is_base_of_v<PromiseBase, Promise>, "only a conc::Task can await this");
    PromiseBase& promise = where.promise();
    TaskRecord& task = *promise.record;
    task.leaf = &promise;
    note_waiting(task, reason);
    return task;
}

}  // namespace mynah::conc::internal
