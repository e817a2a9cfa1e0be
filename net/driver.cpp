#include "net/driver.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "conc/event_source.hpp"
#include "conc/internal/scheduler_core.hpp"
#include "conc/internal/task_record.hpp"
#include "conc/internal/worker.hpp"
#include "net/internal/readiness_driver.hpp"
#include "net/operation.hpp"

namespace mynah::net {

Driver::Driver() : link_(std::make_shared<internal::DriverLink>()) {
    link_->driver = this;
}

Driver::~Driver() {
    link_->driver = nullptr;
}

// Once the workers have stopped, tasks are destroyed one after another: a stream that closes then must not queue a task
// which is about to go as well.
void Driver::resume(Operation& operation) noexcept {
    if (!operation.task->worker->core().stopping()) {
        complete(*operation.task);
    }
}

Driver* Driver::current() noexcept {
    return dynamic_cast<Driver*>(conc::EventSource::current());
}

std::expected<DriverKind, std::string> parse_driver(std::string_view text) {
    for (const DriverKind kind : {DriverKind::automatic, DriverKind::select, DriverKind::poll, DriverKind::epoll}) {
        if (text == to_string(kind)) {
            return kind;
        }
    }
    if (text == "io_uring") {
        return std::unexpected("driver io_uring is not supported in this version; use auto, select, poll or epoll");
    }
    return std::unexpected("unknown driver '" + std::string(text) + "'; use auto, select, poll or epoll");
}

std::string_view to_string(DriverKind kind) noexcept {
    switch (kind) {
        case DriverKind::automatic:
            return "auto";
        case DriverKind::select:
            return "select";
        case DriverKind::poll:
            return "poll";
        case DriverKind::epoll:
            return "epoll";
    }
    return "";
}

conc::EventSourceFactory driver_factory(DriverKind kind) {
    return [kind] { return std::make_unique<internal::ReadinessDriver>(kind); };
}

}  // namespace mynah::net
