#include "net/internal/engine.hpp"

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

conc::TimePoint Engine::now() const noexcept {
    return driver_.now();
}

void Engine::resume(Operation& operation) noexcept {
    driver_.resume(operation);
}

}  // namespace mynah::net::internal
