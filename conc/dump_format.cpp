#include <cstddef>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "conc/internal/dump.hpp"
#include "conc/task_info.hpp"

namespace mynah::conc::internal {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const CodeSite& site) {
    return {{"function", site.function}, {"file", site.file}, {"line", site.line}};
}

// A semicolon separates frames and a line break stacks; neither stands in a function's name but by malice.
std::string frame_name(const CodeSite& site) {
    std::string name = site.function.empty() ? "(unknown)" : site.function;
    for (char& c : name) {
        if (c == ';' || c == '\n') {
            c = ':';
        }
    }
    return name;
}

std::string folded(const TaskInfo& task) {
    std::string stack;
    for (auto await = task.awaits.rbegin(); await != task.awaits.rend(); ++await) {
        stack += frame_name(*await) + ';';
    }
    if (task.awaits.empty()) {
        stack = frame_name(task.created_at) + ';';
    }
    return stack + '[' + task.state + ']';
}

}  // namespace

void print_tasks_json(const std::vector<TaskInfo>& tasks, std::ostream& out) {
    ordered_json all = ordered_json::array();
    for (const TaskInfo& task : tasks) {
        ordered_json awaits = ordered_json::array();
        for (const CodeSite& site : task.awaits) {
            awaits.push_back(json_of(site));
        }
        all.push_back({{"id", task.id},
                       {"state", task.state},
                       {"waiting_ns", task.waiting.count()},
                       {"creator", task.creator},
                       {"created_at", json_of(task.created_at)},
                       {"awaits", std::move(awaits)}});
    }
    // Names of functions come from the compiler; should one not be UTF-8, it is shown as far as it can be.
    out << ordered_json{{"version", 1}, {"tasks", std::move(all)}}.dump(2, ' ', false,
                                                                        ordered_json::error_handler_t::replace)
        << '\n';
}

void print_tasks_folded(const std::vector<TaskInfo>& tasks, std::ostream& out) {
    std::map<std::string, std::size_t> stacks;
    for (const TaskInfo& task : tasks) {
        ++stacks[folded(task)];
    }
    for (const auto& [stack, count] : stacks) {
        out << stack << ' ' << count << '\n';
    }
}

}  // namespace mynah::conc::internal
