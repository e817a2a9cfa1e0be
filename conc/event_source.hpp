// event_source.hpp -- the seam through which the world outside wakes tasks; net's drivers implement it.
//
// What     each worker owns one EventSource and sleeps inside poll(). A driver lets tasks park on it and hands them
//          back with complete().
// Threads  start, stop, poll, serve_next, armed, next_deadline and complete: on the home worker only. wake and post:
//          from any thread.
// Resume   complete() queues the task on the home worker, where it cannot be stolen before it has run.
// Errors   none: a failed wait shows in what the driver's own operations return.
// Cost     post() takes one short lock; complete() none.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace mynah::conc {

using Clock = std::chrono::steady_clock;  // deadlines use the monotonic clock only
using Duration = Clock::duration;
using TimePoint = Clock::time_point;

namespace internal {
class Worker;
struct TaskRecord;
class ResumeOnAwaiter;
}  // namespace internal

class EventSource {
  public:
    /// A piece of work to be done on the home worker. Intrusive: it lives in whoever posts it until it has run.
    class Message {
      public:
        Message() = default;
        Message(const Message&) = delete;
        Message& operator=(const Message&) = delete;
        virtual void deliver() noexcept = 0;

      protected:
        ~Message() = default;

      private:
        friend class internal::Worker;
        Message* next_ = nullptr;
    };

    EventSource() = default;
    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;
    virtual ~EventSource() = default;

    /// The home worker's thread begins a run: it alone calls what follows until stop(). A later run may have another.
    virtual void start() {}

    /// The same thread ends it. Nothing outside may touch what a task owns once this has returned.
    virtual void stop() noexcept {}

    /// Waits for events until `deadline` (nullopt: for ever; in the past: looks and returns), until wake(), or until
    /// something was found or completed; whichever is first. May return early. Never waits where virtual time is in
    /// use.
    virtual void poll(std::optional<TimePoint> deadline) = 0;

    /// Makes a poll() that is under way, or else the next one, return at once.
    virtual void wake() noexcept = 0;

    /// True while some operation that poll() could complete is pending.
    virtual bool armed() const noexcept = 0;

    /// True while serve_next() has something left of what the last poll() found.
    bool has_found() const noexcept { return found_; }

    /// Goes on with the next of what poll() found, which may complete a task, or several, or none. The worker asks for
    /// it when the home queue has its turn: so what serving a task brings into the cache is there when the task runs.
    virtual void serve_next() noexcept {}

    /// The nearest deadline of the pending operations.
    virtual std::optional<TimePoint> next_deadline() const noexcept { return std::nullopt; }

    /// True on the worker that owns this source.
    bool at_home() const noexcept;

    /// Runs `message` on the home worker, soon.
    void post(Message& message) noexcept;

    /// The same for any callable, at the price of an allocation.
    void post(std::move_only_function<void()> work);

    /// The scheduler's time (virtual where Options say so).
    TimePoint now() const noexcept;

    /// The source of the worker that runs the calling task; nullptr outside of tasks.
    static EventSource* current() noexcept;

  protected:
    /// Makes a task that parked on this source runnable, on the home worker.
    void complete(internal::TaskRecord& task) noexcept;

    /// True once the scheduler stops: no task begins another turn.
    bool stopping() const noexcept;

    /// From now on until it is set to false the worker calls serve_next(), and sleeps not.
    void set_found(bool found) noexcept { found_ = found; }

  private:
    friend class internal::Worker;
    friend class internal::ResumeOnAwaiter;
    internal::Worker* home_ = nullptr;  // set by the worker that owns the source, before the first poll
    bool found_ = false;
};

using EventSourceFactory = std::function<std::unique_ptr<EventSource>()>;

/// The default source: no descriptors, so a worker without work sleeps on a futex.
std::unique_ptr<EventSource> make_futex_event_source();

}  // namespace mynah::conc
