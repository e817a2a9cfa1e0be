#include "net/internal/operation_awaiter.hpp"

#include <system_error>

#include "conc/context.hpp"
#include "conc/internal/task_record.hpp"
#include "net/driver.hpp"
#include "net/internal/endpoint.hpp"

namespace mynah::net::internal {
namespace {

constexpr unsigned kAtOnceLimit = 32;

std::error_code canceled() noexcept {
    return std::make_error_code(std::errc::operation_canceled);
}

}  // namespace

bool OperationAwaiter::start() noexcept {
    Endpoint* const endpoint = endpoint_.get();
    if (endpoint == nullptr || endpoint->closed.load()) {
        operation_.error = canceled();
        return true;
    }
    Driver* home = endpoint->driver();
    if (home == nullptr) [[unlikely]] {
        operation_.error = endpoint->adopt();
        if (operation_.error) {
            return true;
        }
        home = endpoint->driver();
    }
    if (!home->at_home()) {
        return false;
    }
    at_home_ = true;
    finished_ = submit(*endpoint, *home);
    return finished_ && ++endpoint->at_once <= kAtOnceLimit;
}

void OperationAwaiter::wait(conc::internal::TaskRecord& task) noexcept {
    kept_ = endpoint_;
    operation_.task = &task;
    Driver& home = *kept_->driver();
    if (!at_home_) {
        home.post(*this);
        return;
    }
    kept_->at_once = 0;
    if (finished_) {
        home.resume(operation_);
    }
}

// Not asked whether it is at home: after the workers have stopped, the scheduler delivers what was posted itself.
void OperationAwaiter::deliver() noexcept {
    Driver& home = *kept_->driver();
    if (submit(*kept_, home)) {
        home.resume(operation_);
    }
}

bool OperationAwaiter::submit(Endpoint& endpoint, Driver& home) noexcept {
    if (!endpoint.fd) {
        operation_.error = canceled();
        return true;
    }
    operation_.fd = endpoint.fd.get();
    if (operation_.kind == Operation::Kind::receive || operation_.kind == Operation::Kind::receive_batch) {
        operation_.receive_bytes = endpoint.receive_bytes;
        operation_.no_wait = endpoint.interrupted.load();
    } else if (context_ != nullptr && context_->err()) {
        operation_.no_wait = true;
    }
    if (home.submit(operation_)) {
        return true;
    }
    if (operation_.reads()) {
        endpoint.reading = &operation_;
    }
    return false;
}

void OperationAwaiter::leave() noexcept {
    if (!kept_) {
        return;
    }
    if (operation_.pending) {
        if (Driver* home = kept_->driver(); home != nullptr) {
            home->withdraw(operation_);
        }
    }
    if (kept_->reading == &operation_) {
        kept_->reading = nullptr;
    }
    kept_.reset();
}

}  // namespace mynah::net::internal
