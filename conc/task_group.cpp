#include "conc/task_group.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include "conc/internal/atomic.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/spin_lock.hpp"
#include "conc/internal/worker.hpp"
#include "conc/panic.hpp"
#include "conc/task.hpp"

namespace mynah::conc {

// Tasks that are abandoned at the end of a run are destroyed before the one that would have waited for them.
TaskGroup::~TaskGroup() {
    const internal::Worker* worker = internal::this_worker();
    const bool running = worker != nullptr && !worker->core().stopping();
    if (running && !joined_.load(internal::kRelaxed)) {
        internal::fatal("a TaskGroup was destroyed before its wait() had returned");
    }
}

void TaskGroup::fail(std::error_code error, std::exception_ptr thrown) noexcept {
    if (!error && thrown == nullptr) {
        return;
    }
    {
        const internal::SpinGuard guard(lock_);
        if (failed_) {
            return;
        }
        failed_ = true;
        error_ = error;
        thrown_ = std::move(thrown);
    }
    scope_.cancel(error);
}

Task<std::error_code> TaskGroup::wait() {
    co_await tasks_.wait();
    joined_.store(true, internal::kRelaxed);
    scope_.cancel();
    std::error_code error;
    std::exception_ptr thrown;
    {
        const internal::SpinGuard guard(lock_);
        error = error_;
        thrown = thrown_;
    }
    if (thrown != nullptr) {
        std::rethrow_exception(thrown);
    }
    co_return error;
}

}  // namespace mynah::conc
