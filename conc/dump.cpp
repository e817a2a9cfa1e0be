#include "conc/internal/dump.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <source_location>
#include <sstream>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "conc/internal/atomic.hpp"
#include "conc/internal/promise.hpp"
#include "conc/internal/record_pool.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"
#include "conc/scheduler.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc {
namespace internal {
namespace {

std::string_view words(WaitReason reason) {
    switch (reason) {
        case WaitReason::none:
            return "waiting";
        case WaitReason::chan_receive:
            return "chan receive";
        case WaitReason::chan_send:
            return "chan send";
        case WaitReason::chan_receive_nil:
            return "chan receive (nil chan)";
        case WaitReason::chan_send_nil:
            return "chan send (nil chan)";
        case WaitReason::select:
            return "select";
        case WaitReason::select_no_cases:
            return "select (no cases)";
        case WaitReason::sleep:
            return "sleep";
        case WaitReason::mutex_lock:
            return "sync.Mutex.Lock";
        case WaitReason::rw_mutex_lock:
            return "sync.RWMutex.Lock";
        case WaitReason::rw_mutex_lock_shared:
            return "sync.RWMutex.RLock";
        case WaitReason::cond_wait:
            return "sync.Cond.Wait";
        case WaitReason::semaphore:
            return "semacquire";
        case WaitReason::wait_group:
            return "sync.WaitGroup.Wait";
        case WaitReason::once:
            return "sync.Once.Do";
        case WaitReason::io:
            return "IO wait";
        case WaitReason::blocking:
            return "blocking call";
        case WaitReason::asio:
            return "asio operation";
    }
    return "waiting";
}

// GCC names a coroutine's body "void f(f(int)::_Z1fi.Frame*)": what stands before "::_Z" is the function as written.
std::string function_name(const std::source_location& where) {
    const std::string_view name = where.function_name();
    const std::size_t frame = name.find(".Frame*)");
    if (frame == std::string_view::npos) {
        return std::string(name);
    }
    const std::size_t mangled = name.rfind("::_Z", frame);
    const std::size_t begin = name.find('(');
    if (mangled == std::string_view::npos || begin == std::string_view::npos || begin >= mangled) {
        return std::string(name);
    }
    return std::string(name.substr(begin + 1, mangled - begin - 1));
}

TaskInfo info_of(const TaskRecord& task, bool running, std::int64_t now_ns) {
    TaskInfo info{.id = task.id,
                  .creator = header_of(task).creator,
                  .state = "runnable",
                  .waiting = {},
                  .awaits = {},
                  .created_at = code_site(task.created_at)};
    const TaskState state = task.state.load(kRelaxed);
    if (running || state == TaskState::running) {
        info.state = "running";
        return info;
    }
    if (state == TaskState::waiting) {
        info.state = words(task.reason.load(kRelaxed));
        info.waiting =
            std::chrono::nanoseconds(std::max<std::int64_t>(0, now_ns - task.waiting_since_ns.load(kRelaxed)));
    }
    info.awaits = await_chain(task.leaf);
    return info;
}

}  // namespace

CodeSite code_site(const std::source_location& where) {
    return {.function = function_name(where), .file = where.file_name(), .line = where.line()};
}

std::vector<CodeSite> await_chain(const PromiseBase* innermost) {
    std::vector<CodeSite> chain;
    for (const PromiseBase* promise = innermost; promise != nullptr; promise = promise->caller) {
        chain.push_back(code_site(promise->site));
    }
    return chain;
}

std::vector<TaskInfo> collect_tasks(SchedulerCore& core) {
    std::vector<TaskInfo> all;
    core.pause_workers();
    const std::int64_t now_ns = core.now().time_since_epoch().count();
    // Whatever runs now goes on running, if its worker did not come to rest; no other task begins.
    std::vector<const TaskRecord*> running;
    for (std::size_t i = 0; i < core.worker_count(); ++i) {
        running.push_back(core.worker(i).running());
    }
    visit_records(core, [&](const TaskRecord& task) {
        const bool runs = std::find(running.begin(), running.end(), &task) != running.end();
        all.push_back(info_of(task, runs, now_ns));
    });
    core.resume_workers();
    std::sort(all.begin(), all.end(), [](const TaskInfo& a, const TaskInfo& b) { return a.id < b.id; });
    return all;
}

void print_tasks_text(const std::vector<TaskInfo>& tasks, std::ostream& out) {
    for (const TaskInfo& task : tasks) {
        out << "task " << task.id << " [" << task.state;
        if (const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(task.waiting).count(); minutes >= 1) {
            out << ", " << minutes << " minutes";
        }
        out << "]:\n";
        for (const CodeSite& await : task.awaits) {
            out << await.function << "\n\t" << await.file << ':' << await.line << '\n';
        }
        if (task.creator != 0) {
            out << "created by " << task.created_at.function << " in task " << task.creator << "\n\t"
                << task.created_at.file << ':' << task.created_at.line << '\n';
        }
        out << '\n';
    }
}

void die_of_deadlock(SchedulerCore& core) noexcept {
    std::ostringstream text;
    text << "fatal error: all tasks are asleep - deadlock!\n\n";
    print_tasks_text(collect_tasks(core), text);
    std::cerr << text.str() << std::flush;
    std::abort();
}

namespace {

/// Where an exception was first seen on its way out of a task. Few tasks ever have one, so it is kept beside them.
struct PanicTrace {
    std::exception_ptr error;
    std::string await_chain;
};

class PanicTraces {
  public:
    void keep(TaskRecord& task, PanicTrace trace) {
        const std::scoped_lock guard(mutex_);
        traces_.insert_or_assign(&task, std::move(trace));
        task.has_trace = true;
    }
    /// nullopt: there is none of this exception.
    std::optional<std::string> find(const TaskRecord& task, const std::exception_ptr& error) {
        const std::scoped_lock guard(mutex_);
        const auto found = task.has_trace ? traces_.find(&task) : traces_.end();
        if (found == traces_.end() || found->second.error != error) {
            return std::nullopt;
        }
        return found->second.await_chain;
    }
    void forget(const TaskRecord& task) {
        std::exception_ptr last;  // the exception may go with it: not under the lock
        const std::scoped_lock guard(mutex_);
        if (const auto found = traces_.find(&task); found != traces_.end()) {
            last = std::move(found->second.error);
            traces_.erase(found);
        }
    }

  private:
    std::mutex mutex_;
    std::unordered_map<const TaskRecord*, PanicTrace> traces_;
};

PanicTraces& panic_traces() {
    static PanicTraces traces;
    return traces;
}

}  // namespace

void forget_exception(const TaskRecord& task) noexcept {
    panic_traces().forget(task);
}

void note_exception(PromiseBase& promise) noexcept {
    TaskRecord& task = *promise.record;
    if (panic_traces().find(task, promise.error)) {
        return;  // on its way out; the chain was taken where it was first seen
    }
    std::ostringstream text;
    for (const CodeSite& site : await_chain(&promise)) {
        text << site.function << "\n\t" << site.file << ':' << site.line << '\n';
    }
    panic_traces().keep(task, {.error = promise.error, .await_chain = text.str()});
}

void die_of_exception(const TaskRecord& task, const std::exception_ptr& error) noexcept {
    std::ostringstream text;
    try {
        std::rethrow_exception(error);
    } catch (const Panic& panic) {
        text << "panic: " << panic.what() << '\n';
    } catch (const std::exception& exception) {
        text << "panic: uncaught " << typeid(exception).name() << ": " << exception.what() << '\n';
    } catch (...) {
        text << "panic: uncaught exception of an unknown type\n";
    }
    text << "\ntask " << task.id << " [running]:\n";
    text << panic_traces().find(task, error).value_or("");
    const CodeSite created = code_site(task.created_at);
    text << "created by " << created.function << " in task " << header_of(task).creator << "\n\t" << created.file << ':'
         << created.line << '\n';
    std::cerr << text.str() << std::flush;
    std::abort();
}

void fatal(std::string_view message) noexcept {
    std::cerr << "fatal error: " << message << '\n' << std::flush;
    std::abort();
}

}  // namespace internal

std::vector<TaskInfo> tasks() {
    return internal::collect_tasks(internal::require_worker("tasks").core());
}

std::vector<TaskInfo> tasks(const Scheduler& scheduler) {
    return internal::collect_tasks(scheduler.core());
}

void print_tasks(const std::vector<TaskInfo>& tasks, std::ostream& out, DumpFormat format) {
    switch (format) {
        case DumpFormat::text:
            internal::print_tasks_text(tasks, out);
            break;
        case DumpFormat::json:
            internal::print_tasks_json(tasks, out);
            break;
        case DumpFormat::folded:
            internal::print_tasks_folded(tasks, out);
            break;
    }
}

void dump_tasks(std::ostream& out, DumpFormat format) {
    print_tasks(tasks(), out, format);
}

void dump_tasks(const Scheduler& scheduler, std::ostream& out, DumpFormat format) {
    print_tasks(tasks(scheduler), out, format);
}

std::size_t task_count() noexcept {
    const internal::Worker* worker = internal::this_worker();
    return worker == nullptr ? 0 : worker->core().task_count();
}

}  // namespace mynah::conc
