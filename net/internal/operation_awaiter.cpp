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

[[gnu::always_inline]] inline bool OperationAwaiter::submit(Endpoint& endpoint, Driver& home) noexcept {
    if (!endpoint.fd) {
        operation_.error = canceled();
        return true;
    }
    operation_.fd = endpoint.fd.get();
    operation_.nearby = &endpoint;
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

bool OperationAwaiter::start() noexcept {
    at_ = endpoint_.get();
    if (at_ == nullptr || at_->closed.load()) {
        operation_.error = canceled();
        return true;
    }
    Driver* home = at_->driver();
    if (home == nullptr) [[unlikely]] {
        operation_.error = at_->adopt();
        if (operation_.error) {
            return true;
        }
        home = at_->driver();
    }
    if (!home->at_home()) {
        return false;
    }
    at_home_ = true;
    finished_ = submit(*at_, *home);
    return finished_ && ++at_->at_once <= kAtOnceLimit;
}

void OperationAwaiter::wait(conc::internal::TaskRecord& task) noexcept {
    suspended_ = true;
    operation_.task = &task;
    Driver& home = *at_->driver();
    if (!at_home_) {
        kept_ = endpoint_;
        home.post(*this);
        return;
    }
    at_->enter();
    at_->at_once = 0;
    if (finished_) {
        home.resume(operation_);
    }
}

// Not asked whether it is at home: after the workers have stopped, the scheduler delivers what was posted itself.
void OperationAwaiter::deliver() noexcept {
    Driver& home = *at_->driver();
    if (submit(*at_, home)) {
        home.resume(operation_);
    }
}

void OperationAwaiter::leave() noexcept {
    if (!suspended_) {
        return;
    }
    suspended_ = false;
    if (operation_.pending) [[unlikely]] {
        if (Driver* home = at_->driver(); home != nullptr) {
            home->withdraw(operation_);
        }
    }
    if (at_->reading == &operation_) {
        at_->reading = nullptr;
    }
    if (at_home_) {
        at_->leave();
    } else {
        kept_.reset();
    }
}

}  // namespace mynah::net::internal
