// context.hpp -- cancellation, deadlines and values, passed down.   Go: context.Context
//
// What     Context::background() is never cancelled; with_cancel, with_cancel_cause, with_timeout, with_deadline and
//          with_value make children. ctx.done() is a case for select; ctx.err() says whether and why it is over.
// Threads  Context is a handle: copies are the same context; every member, from any worker. cancel(), from any task.
// Order    what happens before cancel() happens before a task sees done().
// Resume   on the scheduler, never inside cancel().
// Cancel   a cancelled parent cancels its children; a child that is cancelled leaves its parent's list.
// Errors   err() is a std::error_code: canceled or deadline_exceeded. A context made from a nil parent (one that was
//          moved from): Panic.
// Cost     linear in the descendants for cancel(); one lock for err().
// Differs  from Go: dropping the last handle of a context drops its timer and the functions that wait for its cancel,
//          so a forgotten cancel() leaks nothing, unless such a function holds the context itself. cause() is a
//          std::error_code.
#pragma once

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeindex>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/go.hpp"
#include "conc/select_case.hpp"

namespace mynah::conc {

enum class ContextError { canceled = 1, deadline_exceeded };

std::error_code make_error_code(ContextError error) noexcept;

namespace internal {
class ContextState;
}

class Context {
  public:
    static Context background();

    /// A case that is ready once the context is cancelled, for select.
    internal::RecvCase<Unit> done() const&;
    internal::RecvCase<Unit> done() const&&;

    /// Empty while the context is alive, else canceled or deadline_exceeded.
    std::error_code err() const noexcept;

    /// The reason that was given to cancel; err() where none was given.
    std::error_code cause() const noexcept;

    /// When it will be cancelled at the latest.
    std::optional<TimePoint> deadline() const noexcept;

    /// What with_value stored for Key, in this context or the nearest ancestor that has it; nullptr: nowhere.
    template <class Key>
    const typename Key::value_type* value() const noexcept {
        return std::any_cast<typename Key::value_type>(find_value(typeid(Key)));
    }

    /// For the functions below.
    const std::shared_ptr<internal::ContextState>& state() const noexcept { return state_; }
    explicit Context(std::shared_ptr<internal::ContextState> state) noexcept : state_(std::move(state)) {}

  private:
    const std::any* find_value(std::type_index key) const noexcept;

    std::shared_ptr<internal::ContextState> state_;
};

/// Cancels the context that it was made with. May be called more than once; the first call wins.
class CancelFunc {
  public:
    explicit CancelFunc(std::shared_ptr<internal::ContextState> state) noexcept : state_(std::move(state)) {}
    void operator()() const noexcept { (*this)({}); }
    void operator()(std::error_code cause) const noexcept;

  private:
    std::shared_ptr<internal::ContextState> state_;
};

struct CancelableContext {
    Context ctx;
    CancelFunc cancel;
};

CancelableContext with_cancel(const Context& parent);
/// As with_cancel; the cause is what cancel(cause) is given.
CancelableContext with_cancel_cause(const Context& parent);
/// The earlier of the parent's deadline and this one counts.
CancelableContext with_deadline(const Context& parent, TimePoint deadline);
CancelableContext with_timeout(const Context& parent, Duration timeout);
/// Keeps values and loses cancellation and deadline.
Context without_cancel(const Context& parent);

namespace internal {
Context with_any(const Context& parent, std::type_index key, std::any value);
}

/// struct UserName { using value_type = std::string; };  auto child = with_value<UserName>(parent, "ada");
template <class Key>
Context with_value(const Context& parent, typename Key::value_type value) {
    return internal::with_any(parent, typeid(Key), std::any(std::move(value)));
}

/// Runs `fn` in a task of its own once `ctx` is cancelled. The function that it returns takes that back: true where it
/// prevented the run. It may be dropped.
std::move_only_function<bool()> after_func(const Context& ctx, std::move_only_function<Task<void>()> fn);

}  // namespace mynah::conc

template <>
struct std::is_error_code_enum<mynah::conc::ContextError> : std::true_type {};
