#include "net/driver.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "conc/event_source.hpp"
#include "net/internal/engine.hpp"
#include "net/internal/epoll_poller.hpp"
#include "net/internal/poll_poller.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/readiness_engine.hpp"
#include "net/internal/select_poller.hpp"
#include "net/internal/uring.hpp"
#include "net/internal/uring_engine.hpp"
#include "net/internal/wake_up.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

namespace {

using internal::Engine;
using internal::Poller;
using internal::ReadinessEngine;
using internal::UringEngine;
using internal::WakeUp;

/// Moved on to from select(2). io_uring may be forbidden, and epoll takes a descriptor; poll(2) needs nothing.
std::unique_ptr<Engine> best_engine(Driver& driver, WakeUp& wake_up) {
    try {
        return std::make_unique<UringEngine>(driver, wake_up);
    } catch (const std::system_error&) {
        try {
            return std::make_unique<ReadinessEngine>(driver, wake_up, std::make_unique<internal::EpollPoller>());
        } catch (const std::system_error&) {
            return std::make_unique<ReadinessEngine>(driver, wake_up, std::make_unique<internal::PollPoller>());
        }
    }
}

std::unique_ptr<Engine> first_engine(DriverKind kind, Driver& driver, WakeUp& wake_up) {
    std::unique_ptr<Poller> poller;
    switch (kind) {
        case DriverKind::io_uring:
            return std::make_unique<UringEngine>(driver, wake_up);
        case DriverKind::epoll:
            poller = std::make_unique<internal::EpollPoller>();
            break;
        case DriverKind::poll:
            poller = std::make_unique<internal::PollPoller>();
            break;
        case DriverKind::select:
        case DriverKind::automatic:
            poller = std::make_unique<internal::SelectPoller>();
            if (!poller->admits(wake_up.fd())) {
                if (kind == DriverKind::automatic) {
                    return best_engine(driver, wake_up);
                }
                throw std::system_error(make_error_code(Errc::too_many_descriptors), "select driver");
            }
            break;
    }
    return std::make_unique<ReadinessEngine>(driver, wake_up, std::move(poller));
}

}  // namespace

Driver::Driver(DriverKind kind)
    : engine_(first_engine(kind, *this, wake_up_)),
      may_move_on_(kind == DriverKind::automatic && engine_->name() == "select"),
      link_(std::make_shared<internal::DriverLink>()) {
    link_->driver = this;
}

Driver::Driver(const EngineFactory& make_engine)
    : engine_(make_engine(*this, wake_up_)), may_move_on_(false), link_(std::make_shared<internal::DriverLink>()) {
    link_->driver = this;
}

Driver::~Driver() {
    link_->driver = nullptr;
}

void Driver::start() {
    engine_->start();
}

void Driver::stop() noexcept {
    engine_->stop();
}

void Driver::poll(std::optional<conc::TimePoint> until) {
    if (may_move_on_ && engine_->outgrown()) [[unlikely]] {
        if (move_on()) {
            until = conc::TimePoint::min();  // there are tasks to run
        }
    }
    engine_->poll(until);
}

void Driver::serve_next() noexcept {
    engine_->serve_next();
}

bool Driver::armed() const noexcept {
    return engine_->armed();
}

std::optional<conc::TimePoint> Driver::next_deadline() const noexcept {
    return engine_->next_deadline();
}

bool Driver::submit(Operation& operation) {
    return engine_->submit(operation);
}

void Driver::cancel(Operation& operation) {
    engine_->cancel(operation);
}

void Driver::withdraw(Operation& operation) noexcept {
    engine_->withdraw(operation);
}

std::error_code Driver::admit(int fd) {
    std::error_code error = engine_->admit(fd);
    if (may_move_on_ && error == Errc::too_many_descriptors) {
        (void)move_on();
        error = engine_->admit(fd);
    }
    return error;
}

void Driver::forget(int fd) noexcept {
    engine_->forget(fd);
}

std::string_view Driver::name() const noexcept {
    return engine_->name();
}

// select(2) keeps nothing in the kernel, so moving is no more than submitting the same things again.
bool Driver::move_on() {
    may_move_on_ = false;
    std::unique_ptr<Engine> next = best_engine(*this, wake_up_);
    next->start();
    const std::vector<Operation*> pending = engine_->take_all();
    engine_ = std::move(next);
    bool has_finished = false;
    for (Operation* operation : pending) {
        if (engine_->hold(*operation)) {
            resume(*operation);
            has_finished = true;
        }
    }
    return has_finished;
}

// Once the workers have stopped, tasks are destroyed one after another: a stream that closes then must not queue a task
// which is about to go as well.
void Driver::resume(Operation& operation) noexcept {
    if (!stopping()) {
        complete(*operation.task);
    }
}

Driver* Driver::current() noexcept {
    return dynamic_cast<Driver*>(conc::EventSource::current());
}

std::expected<void, std::string> check_io_uring() {
    try {
        const internal::Uring ring;
        return {};
    } catch (const std::system_error& error) {
        return std::unexpected(error.what());
    }
}

std::expected<DriverKind, std::string> parse_driver(std::string_view text) {
    for (const DriverKind kind :
         {DriverKind::automatic, DriverKind::select, DriverKind::poll, DriverKind::epoll, DriverKind::io_uring}) {
        if (text == to_string(kind)) {
            return kind;
        }
    }
    return std::unexpected("unknown driver '" + std::string(text) + "'; use auto, select, poll, epoll or io_uring");
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
        case DriverKind::io_uring:
            return "io_uring";
    }
    return "";
}

conc::EventSourceFactory driver_factory(DriverKind kind) {
    return [kind] { return std::make_unique<Driver>(kind); };
}

}  // namespace mynah::net
