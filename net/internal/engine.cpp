#include "net/internal/engine.hpp"

#include <algorithm>

#include "conc/event_source.hpp"
#include "net/driver.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {

bool Engine::hold(Operation& operation) {
    const conc::TimePoint deadline = operation.deadline;
    if (submit(operation)) {
        return true;
    }
    limit(operation, deadline);
    return false;
}

void Engine::look_at_deadline(Operation* operation, conc::TimePoint time) {
    if (operation == nullptr) {
        return;
    }
    if (operation->deadline <= time) {
        late_.push_back(operation);
    } else {
        nearest_ = std::min(nearest_, operation->deadline);
    }
}

void Engine::end_all_late() {
    std::ranges::sort(late_, {}, &Operation::deadline);
    for (Operation* operation : late_) {
        end_late(*operation);
    }
    late_.clear();
}

conc::TimePoint Engine::now() const noexcept {
    return driver_.now();
}

void Engine::resume(Operation& operation) noexcept {
    driver_.resume(operation);
}

void Engine::set_found(bool found) noexcept {
    driver_.set_found(found);
}

}  // namespace mynah::net::internal
