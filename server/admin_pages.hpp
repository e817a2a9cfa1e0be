// admin_pages.hpp -- what the admin listener has to say, page by page.
// What     /healthz   200 "ok": the process lives.
//          /readyz    200 "serving", or 503 and the drain's phase: new connections should go elsewhere.
//          /metrics   the text that Prometheus reads.
//          /tasks     every task with its chain of awaits. The workers pause for it, so there is one in a second at
//                     most, and none of more than kMostTasks.
//          /          names them.
// Threads  page() from one thread, the admin listener's; it reads what others write.
// Errors   404 for a path that there is not.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/session_record.hpp"

namespace mynah::server {

struct AdminPage {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string text = {};
};

class AdminPages {
  public:
    static constexpr std::size_t kMostTasks = 20'000;

    /// What the pages tell of; all of it outlives them.
    struct Sources {
        const std::atomic<DrainPhase>& phase;
        std::function<std::string()> metrics;
        std::function<std::size_t()> count_tasks;
        std::function<std::string()> dump_tasks;
        std::string version;
    };

    explicit AdminPages(Sources sources);

    /// `path` as the request has it, without a query.
    AdminPage page(std::string_view path);

  private:
    AdminPage ready() const;
    AdminPage tasks();
    AdminPage index() const;

    Sources sources_;
    std::optional<std::chrono::steady_clock::time_point> dumped_ = {};  // when /tasks was answered last
};

}  // namespace mynah::server
