#include "conc/internal/scheduler_core.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/internal/asymmetric_fence.hpp"
#include "conc/internal/atomic.hpp"
#include "conc/internal/background.hpp"
#include "conc/internal/dump.hpp"
#include "conc/internal/monitor.hpp"
#include "conc/internal/record_pool.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"
#include "conc/scheduler.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc::internal {
namespace {

std::uint64_t entropy() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

std::size_t default_workers() {
    return std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

SchedulerCore::SchedulerCore(Options options)
    : options_(std::move(options)), random_(options_.seed ? *options_.seed : entropy()) {
    if (options_.virtual_time && !options_.seed) {
        options_.seed = random_.next();
        random_ = Random(*options_.seed);
    }
    const std::size_t count = options_.workers == 0 ? default_workers() : options_.workers;
    workers_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::unique_ptr<EventSource> source =
            options_.event_source ? options_.event_source() : make_futex_event_source();
        workers_.push_back(std::make_unique<Worker>(*this, i, random_.next(), std::move(source)));
    }
    const SpinGuard guard(idle_lock_);
    idle_.reserve(count);
}

SchedulerCore::~SchedulerCore() = default;

TimePoint SchedulerCore::now() const noexcept {
    if (simulated()) {
        return TimePoint(Duration(simulated_now_ns_.load(kRelaxed)));
    }
    return Clock::now();
}

void SchedulerCore::run(std::unique_ptr<TaskRecord> main) {
    if (this_worker() != nullptr || running_.exchange(true)) {
        throw Panic("Scheduler::run called while it runs, or from inside a task");
    }
    stopping_.store(false);
    next_id_.store(1);
    abandoned_.clear();
    if (simulated()) {
        random_ = Random(*options_.seed);
        simulated_now_ns_.store(0);
        for (const std::unique_ptr<Worker>& worker : workers_) {
            worker->reseed(random_.next());
        }
    }
    Worker& first = *workers_.front();
    main->id = first.next_task_id();
    first.enlist(*main);
    push_global_quietly(*main.release());  // the worker that sees its end deletes it
    std::exception_ptr failure;
    if (simulated()) {
        run_simulated();
    } else {
        failure = run_threads();
    }
    clean_up();
    running_.store(false);
    if (failure) {
        std::rethrow_exception(failure);
    }
}

std::exception_ptr SchedulerCore::run_threads() {
    std::exception_ptr failure;
    std::vector<std::thread> threads;
    threads.reserve(workers_.size() - 1);
    try {
        if (options_.hog_limit > Duration::zero()) {
            hogs_.clear();
            monitor_ = std::make_unique<Monitor>(*this, hogs_, options_.hog_limit, options_.on_hog);
        }
    } catch (...) {
        failure = std::current_exception();
        stop();
    }
    for (std::size_t i = 1; i < workers_.size(); ++i) {
        try {
            threads.emplace_back([this, i] { workers_[i]->loop(); });
        } catch (...) {
            failure = std::current_exception();  // no thread to be had: those that run are stopped
            stop();
            break;
        }
    }
    workers_.front()->loop();
    for (std::thread& thread : threads) {
        thread.join();
    }
    if (monitor_) {
        monitor_->stop();
    }
    return failure;
}

void SchedulerCore::run_simulated() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->source().start();
    }
    std::vector<Worker*> ready;
    while (!stopping()) {
        ready.clear();
        for (const std::unique_ptr<Worker>& worker : workers_) {
            if (worker->has_work() || any_work()) {
                ready.push_back(worker.get());
            }
        }
        if (!ready.empty()) {
            ready[random_.below(static_cast<std::uint32_t>(ready.size()))]->step();
        } else if (!advance_simulation()) {
            die_of_deadlock(*this);
        }
    }
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->source().stop();
    }
}

// Nothing can run: let the sources complete what they can, wait for calls that are under way outside, or else let the
// time jump to the nearest deadline. False when there is nothing left to wait for.
bool SchedulerCore::advance_simulation() {
    const auto poll_all = [this](std::optional<TimePoint> deadline) {
        for (const std::unique_ptr<Worker>& worker : workers_) {
            set_this_worker(worker.get());
            worker->poll(deadline);
            set_this_worker(nullptr);
        }
    };
    // Looked at before the queues: who ends such a call queues its task before it counts down.
    const bool called_outside = external_.load(kSeqCst) > 0;
    poll_all(TimePoint::min());
    if (any_work() || std::any_of(workers_.begin(), workers_.end(), [](const auto& w) { return w->has_work(); })) {
        return true;
    }
    if (called_outside) {
        // What ends outside arrives in the global queue, and wakes the first worker where it is listed as idle.
        Worker& first = *workers_.front();
        enter_idle(first);
        if (global_empty() && !first.has_messages()) {
            first.source().poll(std::nullopt);
        }
        leave_idle(first);
        first.searching_ = false;
        end_search();
        return true;
    }
    TimePoint nearest = TimePoint::max();
    for (const std::unique_ptr<Worker>& worker : workers_) {
        nearest = std::min(nearest, worker->timers().nearest());
        nearest = std::min(nearest, worker->source().next_deadline().value_or(TimePoint::max()));
    }
    if (nearest == TimePoint::max()) {
        return false;
    }
    simulated_now_ns_.store(std::max(simulated_now_ns_.load(kRelaxed), Duration(nearest.time_since_epoch()).count()),
                            kRelaxed);
    poll_all(TimePoint::min());
    return true;
}

void SchedulerCore::stop() noexcept {
    stopping_.store(true, kSeqCst);
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->source().wake();
    }
}

// All workers have stopped. First the threads that could still wake a task, then the tasks, then what they used.
void SchedulerCore::clean_up() {
    if (background_) {
        background_->join();
    }
    abandoned_ = task_count() > 0 ? collect_tasks(*this) : std::vector<TaskInfo>();
    reset_workers();
    set_this_worker(workers_.front().get());
    destroy_tasks();
    reset_workers();
    set_this_worker(nullptr);
    background_.reset();
    external_.store(0);
    searching_.store(0);
    const SpinGuard guard(idle_lock_);
    idle_.clear();
    idle_count_.store(0);
}

// What one worker's messages do may post to another.
void SchedulerCore::reset_workers() noexcept {
    do {
        for (const std::unique_ptr<Worker>& worker : workers_) {
            set_this_worker(worker.get());
            worker->reset();
        }
    } while (std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->has_messages(); }));
    set_this_worker(nullptr);
}

// A task may refer to what its creator's frame holds (a WaitGroup, a Mutex), so it is destroyed before its creator.
// What a task's destructors do may wake other tasks and start new ones. They are taken out of the queues before the
// next task is destroyed, since a queue links its tasks, and it may be one of them.
void SchedulerCore::destroy_tasks() noexcept {
    forget_queued();
    while (task_count() > 0) {
        std::vector<TaskRecord*> tasks;
        visit_records(*this, [&tasks](TaskRecord& task) { tasks.push_back(&task); });
        std::sort(tasks.begin(), tasks.end(), [](const TaskRecord* a, const TaskRecord* b) {
            return a->depth != b->depth ? a->depth > b->depth : a->id > b->id;
        });
        for (TaskRecord* task : tasks) {
            workers_.front()->retire(*task);
            forget_queued();
        }
    }
}

void SchedulerCore::forget_queued() noexcept {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        worker->forget_queued();
    }
    const SpinGuard guard(global_lock_);
    global_.clear();
    global_size_.store(0);
}

void SchedulerCore::push_global_quietly(TaskRecord& task) noexcept {
    const SpinGuard guard(global_lock_);
    global_.push(task);
    global_size_.store(global_.size(), kSeqCst);
}

void SchedulerCore::push_global(TaskList& tasks) noexcept {
    {
        const SpinGuard guard(global_lock_);
        global_.append(tasks);
        global_size_.store(global_.size(), kSeqCst);
    }
    notify_one();
}

void SchedulerCore::push_global(TaskRecord& task) noexcept {
    push_global_quietly(task);
    notify_one();
}

TaskRecord* SchedulerCore::pop_global() noexcept {
    if (global_empty()) {
        return nullptr;
    }
    const SpinGuard guard(global_lock_);
    TaskRecord* task = global_.pop();
    global_size_.store(global_.size(), kSeqCst);
    return task;
}

void SchedulerCore::pop_global(TaskList& share, std::size_t room) noexcept {
    const SpinGuard guard(global_lock_);
    for (std::size_t count = std::min(global_.size() / workers_.size() + 1, std::max<std::size_t>(room, 1)); count > 0;
         --count) {
        TaskRecord* task = global_.pop();
        if (task == nullptr) {
            break;
        }
        share.push(*task);
    }
    global_size_.store(global_.size(), kSeqCst);
}

bool SchedulerCore::begin_search() noexcept {
    std::uint32_t nobody = 0;
    return searching_.compare_exchange_strong(nobody, 1, kSeqCst);
}

void SchedulerCore::notify_one() noexcept {
    for (;;) {
        fence_seq_cst();  // first half of the idle protocol: the work was published before this
        if (idle_count_.load(kRelaxed) == 0 || searching_.load(kRelaxed) != 0 || !begin_search()) {
            return;
        }
        Worker* chosen = nullptr;
        {
            const SpinGuard guard(idle_lock_);
            if (!idle_.empty()) {
                chosen = idle_.back();
                idle_.pop_back();
                idle_count_.store(static_cast<std::uint32_t>(idle_.size()), kRelaxed);
                chosen->searching_ = true;
            }
        }
        if (chosen != nullptr) {
            chosen->source().wake();
            return;
        }
        // Nobody is idle any more. While the flag was up, others who published relied on it: so it looks again.
        end_search();
    }
}

void SchedulerCore::enter_idle(Worker& worker) noexcept {
    {
        const SpinGuard guard(idle_lock_);
        idle_.push_back(&worker);
        idle_count_.store(static_cast<std::uint32_t>(idle_.size()), kRelaxed);
    }
    fence_seq_cst();  // second half of the idle protocol: the caller looks at every queue after this
}

void SchedulerCore::leave_idle(Worker& worker) noexcept {
    {
        const SpinGuard guard(idle_lock_);
        std::erase(idle_, &worker);
        idle_count_.store(static_cast<std::uint32_t>(idle_.size()), kRelaxed);
    }
    if (monitor_) {
        fence_seq_cst();  // see Monitor
        monitor_->wake_if_asleep();
    }
}

bool SchedulerCore::any_work() const noexcept {
    return !global_empty() || std::any_of(workers_.begin(), workers_.end(),
                                          [](const auto& worker) { return worker->has_work_to_share(); });
}

void SchedulerCore::check_deadlock() noexcept {
    {
        const SpinGuard guard(idle_lock_);
        // external_ is looked at first: who ends such work queues its task before it counts down.
        if (external_.load(kSeqCst) != 0 || idle_.size() != workers_.size() || stopping() || any_work()) {
            return;
        }
        for (const std::unique_ptr<Worker>& worker : workers_) {
            if (worker->can_be_woken() || worker->has_messages()) {
                return;
            }
        }
    }
    die_of_deadlock(*this);
}

// The task that it made ready may have run and gone to sleep before this counts down. Then nobody else looks again.
void SchedulerCore::external_ends() noexcept {
    if (external_.fetch_sub(1, kSeqCst) != 1) {
        return;
    }
    if (simulated()) {
        workers_.front()->source().wake();
    } else {
        check_deadlock();
    }
}

std::size_t SchedulerCore::task_count() const noexcept {
    std::int64_t count = 0;
    // Ends are summed first, so that a task that starts and ends meanwhile is not counted below zero.
    for (const std::unique_ptr<Worker>& worker : workers_) {
        count -= worker->tasks_ended();
    }
    for (const std::unique_ptr<Worker>& worker : workers_) {
        count += worker->tasks_started();
    }
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

Background& SchedulerCore::background() {
    const std::scoped_lock guard(background_mutex_);
    if (!background_) {
        background_ = std::make_unique<Background>(std::max<std::size_t>(1, options_.blocking_threads));
    }
    return *background_;
}

void SchedulerCore::pause_workers() noexcept {
    Worker* self = this_worker();
    if (self != nullptr) {
        self->rest();  // another dumper must not wait for this worker while this one waits for its turn
    }
    pause_mutex_.lock();
    pausing_.store(1, kSeqCst);
    if (!fence_heavy()) {  // see Worker::delist()
        fatal("the kernel refuses a membarrier");
    }
    // A task that keeps its worker for longer is listed as running.
    constexpr auto kPatience = std::chrono::milliseconds(100);
    const auto until = Clock::now() + kPatience;
    for (const std::unique_ptr<Worker>& worker : workers_) {
        // A worker between two tasks is waited for in any case: which one it takes next cannot be told from here.
        while (worker.get() != self && !worker->at_rest() && (worker->running() == nullptr || Clock::now() < until)) {
            std::this_thread::yield();
        }
        while (worker->delisting()) {
            std::this_thread::yield();
        }
    }
}

void SchedulerCore::resume_workers() noexcept {
    pausing_.store(0, kSeqCst);
    pausing_.notify_all();
    pause_mutex_.unlock();
    if (Worker* self = this_worker(); self != nullptr) {
        self->rest_ends();
    }
}

void SchedulerCore::wait_until_resumed() const noexcept {
    pausing_.wait(1, kSeqCst);
}

}  // namespace mynah::conc::internal
