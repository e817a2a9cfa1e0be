#include "conc/internal/worker.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/internal/asymmetric_fence.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/dump.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/record_pool.hpp"
#include "conc/internal/run_queue.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/panic.hpp"

namespace mynah::conc::internal {

constinit thread_local Worker* current_worker = nullptr;

// For coroutines too, hence functions that the compiler cannot look into.
[[gnu::noinline]] Worker* this_worker() noexcept {
    return current_worker;
}
[[gnu::noinline]] void set_this_worker(Worker* worker) noexcept {
    current_worker = worker;
}

Worker& require_worker(const char* caller) {
    Worker* worker = this_worker();
    if (worker == nullptr) {
        throw Panic(std::string(caller) + " called outside of a task");
    }
    return *worker;
}

void set_transfer(Worker& worker, std::coroutine_handle<> to) noexcept {
    worker.set_transfer(to);
}
void set_finished(PromiseBase& root) noexcept {
    TaskRecord& task = *root.record;
    task.leaf = &root;
    task.worker->set_finished(task);
}

Worker::Worker(SchedulerCore& core, std::size_t index, std::uint64_t seed, std::unique_ptr<EventSource> source)
    : core_(core), index_(index), random_(seed), source_(std::move(source)) {
    source_->home_ = this;
}

// Each turn of a task passes through here, and may be as short as a few nanoseconds: what it does is inlined here, in
// next_task() and in run(), and what it does rarely is kept out of line.
[[gnu::flatten]] void Worker::loop() {
    set_this_worker(this);
    source_->start();
    rest_ends();
    last_look_ = core_.now();
    while (!core_.stopping()) {
        if (core_.pausing()) [[unlikely]] {
            rest_ends();
        }
        TaskRecord* task = next_task();
        if (task == nullptr) {
            task = search();
        } else if (searching_) {
            // It was woken to search, and has work of its own: the search is passed on.
            searching_ = false;
            core_.end_search();
            core_.notify_one();
        }
        if (task != nullptr) {
            run(*task);
        } else {
            sleep();
        }
    }
    source_->stop();
    rest();
    set_this_worker(nullptr);
}

bool Worker::step() {
    set_this_worker(this);
    rest_ends();
    last_look_ = core_.now();
    TaskRecord* task = next_task();
    if (task == nullptr) {
        task = steal();
    }
    if (task != nullptr) {
        run(*task);
    }
    rest();
    set_this_worker(nullptr);
    return task != nullptr;
}

bool Worker::has_work() const noexcept {
    return run_next_ != nullptr || has_home_work() || !local_.empty() || has_messages();
}

// Every so often the world outside has its turn, so that a busy worker starves neither timers nor descriptors nor the
// global queue.
void Worker::look_around() {
    if (tick_ % kGlobalInterval == 0) {
        poll(TimePoint::min());
    } else if (tick_ % kTimerInterval == 0 && !timers_.empty()) {
        expire_timers();
    }
}

[[gnu::flatten]] TaskRecord* Worker::next_task() noexcept {
    ++tick_;
    look_around();
    if (has_messages()) {
        deliver_messages();
    }
    // A task that made way stands in the local queue, and nobody was told: that is right only while this worker takes
    // its next task from there, too.
    const bool made_way = std::exchange(made_way_, false);
    const auto instead = [this, made_way](TaskRecord* task) {
        if (made_way) {
            offer_work();
        }
        return task;
    };
    if (tick_ % kGlobalInterval == 0) {
        if (TaskRecord* task = core_.pop_global(); task != nullptr) {
            return instead(task);
        }
    }
    if (TaskRecord* task = take_woken(); task != nullptr) {
        return instead(task);
    }
    if (made_way && has_home_work()) {
        offer_work();
    }
    if (TaskRecord* task = take_queued(); task != nullptr) {
        return task;
    }
    return take_global();
}

// One lock for many: the worker's share of the global queue, as far as there is room for it here.
[[gnu::noinline]] TaskRecord* Worker::take_global() noexcept {
    if (core_.global_empty()) {
        return nullptr;
    }
    TaskList share;
    core_.pop_global(share, local_.room());
    TaskRecord* first = share.pop();
    if (!share.empty()) {
        while (TaskRecord* task = share.pop()) {
            local_.push(*task);
        }
        offer_work();  // for a moment they were in no queue: who went to sleep then has not seen them
    }
    return first;
}

// The task that was woken last finds its data in the cache. A chain of them is cut off, so that the queues get on; in a
// simulated run a coin decides.
TaskRecord* Worker::take_woken() noexcept {
    if (run_next_ == nullptr) {
        run_next_streak_ = 0;
        return nullptr;
    }
    const bool queue_waits = !local_.empty() || has_home_work();
    const bool give_way = queue_waits && (core_.simulated() ? random_.coin() : run_next_streak_ >= kRunNextLimit);
    if (give_way) {
        enqueue(*std::exchange(run_next_, nullptr));
        run_next_streak_ = 0;
        return nullptr;
    }
    ++run_next_streak_;
    return std::exchange(run_next_, nullptr);
}

TaskRecord* Worker::take_queued() noexcept {
    // The turn changes with every visit, and not with the tick: visits may well come at even ticks only.
    home_turn_ = core_.simulated() ? random_.coin() : !home_turn_;
    if (home_turn_) {
        if (TaskRecord* task = take_home(); task != nullptr) {
            return task;
        }
        return local_.pop();
    }
    if (TaskRecord* task = local_.pop(); task != nullptr) {
        return task;
    }
    return take_home();
}

// One of what the source has found is served each time, whoever waits here already: a task that comes back at once,
// again and again, does not keep it waiting.
TaskRecord* Worker::take_home() noexcept {
    while (source_->has_found()) {
        source_->serve_next();
        if (!home_.empty()) {
            break;
        }
    }
    return home_.pop();
}

namespace {

void begin(TaskRecord& task) noexcept {
    try {
        task.leaf = &task.begin();
        task.leaf->record = &task;
    } catch (...) {
        die_of_exception(task, std::current_exception());
    }
}

}  // namespace

[[gnu::flatten]] void Worker::run(TaskRecord& task) {
    task.worker = this;
    task.state.store(TaskState::running, kRelaxed);
    running_.store(&task, kRelease);
    if (task.leaf == nullptr) {
        begin(task);
    }
    const std::uint64_t number = run_number_.load(kRelaxed);  // only written here
    run_task_.store(task.id, kRelaxed);
    run_resumed_at_.store(task.leaf->site, kRelaxed);
    run_created_at_.store(task.created_at, kRelaxed);
    run_number_.store(number + 1, kRelease);  // release: publishes what stands above
    std::coroutine_handle<> next = task.leaf->self();
    do {
        next.resume();
        // From here on the task may run elsewhere, or be gone: only this worker's own members are safe.
        next = std::exchange(transfer_, nullptr);
    } while (next);
    TaskRecord::AfterEnd after;
    if (TaskRecord* ended = std::exchange(finished_, nullptr); ended != nullptr) {
        after = ended->on_finished();
        retire(*ended);  // still its run: the destructors of what it held are its code
    }
    run_number_.store(number + 2, kRelaxed);
    // release: a dumper that sees no running task sees all that the task left behind.
    running_.store(nullptr, kRelease);
    if (after.call != nullptr) {
        after.call(after.argument);
    }
}

Worker::Run Worker::current_run() const noexcept {
    // The number is looked at again: should the worker write meanwhile, what was read belongs to no run. A run that
    // begins between the two looks may still have gone unseen, so a report may name the task after the hog: harmless,
    // and as rare as a run of just the monitor's limit.
    const std::uint64_t number = run_number_.load(kAcquire);
    const Run run{.number = number,
                  .task = run_task_.load(kRelaxed),
                  .resumed_at = run_resumed_at_.load(kRelaxed),
                  .created_at = run_created_at_.load(kRelaxed)};
    return number % 2 == 1 && run_number_.load(kAcquire) == number ? run : Run{};
}

// A monitor makes up within a millisecond for a worker that went to sleep at this very moment, so where there is one, a
// look without a fence does.
void Worker::wake_another() noexcept {
    if (core_.worker_count() > 1 && (!core_.monitored() || core_.idle_count() != 0)) {
        core_.notify_one();
    }
}

// The queue is full: half of it goes to the global one, where the others look too.
void Worker::make_room(TaskRecord& task) noexcept {
    TaskList moved;
    while (moved.size() < LocalQueue::kCapacity / 2) {
        TaskRecord* oldest = local_.pop();
        if (oldest == nullptr) {
            break;
        }
        moved.push(*oldest);
    }
    moved.push(task);
    core_.push_global(moved);  // and somebody is told: for a moment they were in no queue
}

void Worker::run_next(TaskRecord& task) noexcept {
    if (TaskRecord* previous = std::exchange(run_next_, &task); previous != nullptr) {
        enqueue(*previous);
    }
}

void Worker::enqueue_home(TaskRecord& task) noexcept {
    task.state.store(TaskState::runnable, kRelaxed);
    home_.push(task);
}

[[gnu::noinline]] TaskRecord* Worker::search() noexcept {
    const bool chosen = std::exchange(searching_, false);
    if (core_.worker_count() == 1 || core_.simulated()) {
        if (chosen) {
            core_.end_search();  // nobody to look at; but as long as it is open, nobody else is woken
        }
        return nullptr;
    }
    if (!chosen && !core_.begin_search()) {
        return nullptr;
    }
    constexpr int kRounds = 2;
    TaskRecord* found = nullptr;
    for (int round = 0; round < kRounds && found == nullptr; ++round) {
        found = steal();
        if (found == nullptr) {
            found = take_global();
        }
    }
    core_.end_search();
    if (found != nullptr) {
        offer_work();  // where there was one there may be more: the search is passed on
    }
    return found;
}

// Half of the local queue of the first other worker that has any, from a random one on.
TaskRecord* Worker::steal() noexcept {
    const auto count = static_cast<std::uint32_t>(core_.worker_count());
    const std::uint32_t start = random_.below(count);
    TaskRecord* found = nullptr;
    for (std::uint32_t i = 0; i < count && found == nullptr; ++i) {
        Worker& victim = core_.worker((start + i) % count);
        if (&victim != this && victim.has_work_to_share()) {
            found = victim.local_.steal_into(local_);
        }
    }
    return found;
}

[[gnu::noinline]] void Worker::sleep() {
    can_be_woken_.store(!timers_.empty() || source_->armed(), kRelease);
    core_.enter_idle(*this);
    if (core_.any_work() || has_messages() || core_.stopping()) {
        core_.leave_idle(*this);
        return;
    }
    if (!can_be_woken_.load(kRelaxed)) {
        core_.check_deadlock();
    }
    std::optional<TimePoint> deadline;
    if (!timers_.empty()) {
        deadline = timers_.nearest();
    }
    rest();
    source_->poll(deadline);
    rest_ends();
    core_.leave_idle(*this);
    expire_timers();
}

void Worker::poll(std::optional<TimePoint> deadline) {
    source_->poll(deadline);
    expire_timers();
}

[[gnu::noinline]] void Worker::expire_timers() noexcept {
    last_look_ = core_.now();
    while (timers_.due(last_look_)) {
        WakeList woken;  // wakes when it goes out of scope, after the heap's lock
        timers_.expire(last_look_, woken);
    }
}

void Worker::rest_ends() noexcept {
    at_rest_.store(false, kSeqCst);
    while (core_.pausing()) {
        rest();
        core_.wait_until_resumed();
        at_rest_.store(false, kSeqCst);
    }
}

void Worker::retire(TaskRecord& task) noexcept {
    delist(task);
    if (task.has_trace) [[unlikely]] {
        forget_exception(task);
    }
    delete &task;
    // release: who sees by the count that a task has ended sees what it did.
    ended_.store(ended_.load(kRelaxed) + 1, kRelease);
}

// A dump reads every record that has an owner, so none may lose it while one is under way. The dump says so, and then
// waits until nobody is in here; who is in here says so, and then looks whether a dump is under way.
void Worker::delist(TaskRecord& task) noexcept {
    delisting_.store(true, kRelaxed);
    fence_light(interrupted_);
    while (core_.pausing()) [[unlikely]] {
        delisting_.store(false, kRelease);
        rest_ends();
        delisting_.store(true, kRelaxed);
        fence_light(interrupted_);
    }
    header_of(task).owner.store(nullptr, kRelaxed);
    delisting_.store(false, kRelease);  // release: a dump that waited for this sees that it has no owner
}

void Worker::reserve_ids() noexcept {
    constexpr std::uint64_t kBlock = 16;
    next_id_ = core_.reserve_ids(kBlock);
    id_block_end_ = next_id_ + kBlock;
}

void Worker::post(EventSource::Message& message) noexcept {
    {
        const SpinGuard guard(inbox_lock_);
        message.next_ = nullptr;
        (inbox_last_ == nullptr ? inbox_first_ : inbox_last_->next_) = &message;
        inbox_last_ = &message;
        inbox_pending_.store(true, kSeqCst);
    }
    if (this_worker() != this) {
        source_->wake();
    }
}

[[gnu::noinline]] void Worker::deliver_messages() noexcept {
    EventSource::Message* message = nullptr;
    {
        const SpinGuard guard(inbox_lock_);
        message = std::exchange(inbox_first_, nullptr);
        inbox_last_ = nullptr;
        inbox_pending_.store(false, kRelaxed);
    }
    while (message != nullptr) {
        EventSource::Message* following = message->next_;  // deliver() may free the message
        message->deliver();
        message = following;
    }
}

void Worker::forget_queued() noexcept {
    local_.clear();
    home_.clear();
    run_next_ = nullptr;
}

void Worker::reset() noexcept {
    deliver_messages();
    forget_queued();
    transfer_ = nullptr;
    finished_ = nullptr;
    searching_ = false;
    next_id_ = 0;
    id_block_end_ = 0;
}

void Worker::reseed(std::uint64_t seed) noexcept {
    random_ = Random(seed);
    tick_ = 0;
    run_next_streak_ = 0;
}

}  // namespace mynah::conc::internal
