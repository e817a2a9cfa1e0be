#include "conc/task_group.hpp"

#include <exception>
#include <system_error>
#include <utility>

#include "conc/internal/spin_lock.hpp"
#include "conc/task.hpp"

namespace mynah::conc {

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
