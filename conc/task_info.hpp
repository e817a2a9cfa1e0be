// task_info.hpp -- what can be told of a task from outside.          Go: runtime.Stack, pprof's goroutine profile
//
// What     tasks() and dump_tasks() list every task of the current scheduler: state, what it waits on and since when,
//          its chain of awaits with function, file and line, and who started it.
// Threads  from any task, or with a Scheduler from any thread; the workers pause between two tasks meanwhile.
// Errors   none outside of std::bad_alloc and what the stream throws.
// Cost     linear in the number of tasks; nothing while nobody asks.
// Differs  from Go: a running task shows no chain but the awaits it was last seen at.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace mynah::conc {

class Scheduler;

struct CodeSite {
    std::string function;
    std::string file;
    std::uint32_t line = 0;  // from 1
};

struct TaskInfo {
    std::uint64_t id = 0;                 // 1 is the main task
    std::uint64_t creator = 0;            // id of the task that started it; 0: none
    std::string state;                    // "running", "runnable", or what it waits for, in Go's words
    std::chrono::nanoseconds waiting{0};  // how long
    std::vector<CodeSite> awaits;         // innermost first
    CodeSite created_at;
};

std::vector<TaskInfo> tasks();
std::vector<TaskInfo> tasks(const Scheduler& scheduler);

enum class DumpFormat {
    text,    // as Go's debug=2: a paragraph for each task
    json,    // {"version": 1, "tasks": [{"id", "state", "waiting_ns", "creator", "created_at", "awaits"}, ...]}
    folded,  // a line for each different stack, outermost first, and its count: what flame graphs are drawn from
};

/// Writes a list of tasks, for one that is at hand: Scheduler::abandoned().
void print_tasks(const std::vector<TaskInfo>& tasks, std::ostream& out, DumpFormat format = DumpFormat::text);

/// Writes all tasks.
void dump_tasks(std::ostream& out, DumpFormat format = DumpFormat::text);
void dump_tasks(const Scheduler& scheduler, std::ostream& out, DumpFormat format = DumpFormat::text);

/// Tasks that live now in the current scheduler; 0 outside of one.
std::size_t task_count() noexcept;

}  // namespace mynah::conc
