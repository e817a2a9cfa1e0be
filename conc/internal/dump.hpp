// dump.hpp -- reads the registry of living tasks.
#pragma once

#include <iosfwd>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "conc/internal/task_record.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc::internal {

class SchedulerCore;

/// All tasks, by id. The workers pause meanwhile.
std::vector<TaskInfo> collect_tasks(SchedulerCore& core);

void print_tasks_text(const std::vector<TaskInfo>& tasks, std::ostream& out);
void print_tasks_json(const std::vector<TaskInfo>& tasks, std::ostream& out);
void print_tasks_folded(const std::vector<TaskInfo>& tasks, std::ostream& out);

CodeSite code_site(const std::source_location& where);

/// "fatal error: all tasks are asleep - deadlock!", the dump, abort.
[[noreturn]] void die_of_deadlock(SchedulerCore& core) noexcept;

/// An exception left a task that nobody awaits: prints what and where, and aborts.
[[noreturn]] void die_of_exception(const TaskRecord& task, const std::exception_ptr& error) noexcept;

/// What note_exception() has kept for the task, if anything.
void forget_exception(const TaskRecord& task) noexcept;

/// The await chain from `innermost` outwards, a function and a place for each coroutine.
std::vector<CodeSite> await_chain(const PromiseBase* innermost);

}  // namespace mynah::conc::internal
