#include "server/admin_pages.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "server/session_record.hpp"

namespace mynah::server {

AdminPages::AdminPages(Sources sources) : sources_(std::move(sources)) {}

AdminPage AdminPages::page(std::string_view path) {
    if (path == "/healthz") {
        return {.text = "ok\n"};
    }
    if (path == "/readyz") {
        return ready();
    }
    if (path == "/metrics") {
        return {.type = "text/plain; version=0.0.4; charset=utf-8", .text = sources_.metrics()};
    }
    if (path == "/tasks") {
        return tasks();
    }
    if (path == "/") {
        return index();
    }
    return {.status = 404, .text = "there is no such page; / lists what there is\n"};
}

AdminPage AdminPages::ready() const {
    const DrainPhase phase = sources_.phase.load();
    return {.status = phase == DrainPhase::serving ? 200 : 503, .text = std::string(to_string(phase)) + "\n"};
}

AdminPage AdminPages::tasks() {
    constexpr auto kPause = std::chrono::seconds(1);
    const auto now = std::chrono::steady_clock::now();
    if (dumped_ && now - *dumped_ < kPause) {
        return {.status = 429, .text = "the workers pause for this page: once in a second at most\n"};
    }
    if (const std::size_t count = sources_.count_tasks(); count > kMostTasks) {
        return {.status = 503,
                .text = std::to_string(count) + " tasks: the workers would pause for too long to list more than " +
                        std::to_string(kMostTasks) + "\n"};
    }
    dumped_ = now;
    return {.text = sources_.dump_tasks()};
}

AdminPage AdminPages::index() const {
    constexpr std::string_view kBegin =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mynahd</title></head>\n<body>\n<h1>";
    constexpr std::string_view kEnd =
        "</h1>\n<ul>\n"
        "<li><a href=\"healthz\">/healthz</a>: the process lives</li>\n"
        "<li><a href=\"readyz\">/readyz</a>: 200 while it takes new connections; 503 and the drain's phase from the "
        "first SIGTERM on</li>\n"
        "<li><a href=\"metrics\">/metrics</a>: for Prometheus</li>\n"
        "<li><a href=\"tasks\">/tasks</a>: every task, what it waits for, and where</li>\n"
        "</ul>\n</body></html>\n";
    return {.type = "text/html; charset=utf-8", .text = std::string(kBegin) + sources_.version + std::string(kEnd)};
}

}  // namespace mynah::server
