#include "net/internal/readiness_engine.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/panic.hpp"
#include "net/internal/attempt.hpp"
#include "net/internal/poller.hpp"
#include "net/internal/timeval.hpp"
#include "net/internal/wake_up.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net::internal {
namespace {

using Kind = Operation::Kind;

const std::error_code& canceled() noexcept {
    static const std::error_code code = std::make_error_code(std::errc::operation_canceled);
    return code;
}

Interest direction_of(const Operation& operation) noexcept {
    if (operation.kind == Kind::pause) {
        return kNothing;
    }
    return operation.reads() ? kRead : kWrite;
}

/// Whether the system call has a chance before anything was reported.
bool is_tried_at_once(const Operation& operation, bool drained, bool edge_triggered) noexcept {
    switch (operation.kind) {
        case Kind::accept:
        case Kind::receive:
        case Kind::receive_batch:
            // Known to be empty as of the last look. Who does not want to wait looks again.
            return !drained || operation.no_wait || operation.timeout <= conc::Duration::zero();
        case Kind::send:
        case Kind::send_batch:
            return true;
        case Kind::connect:
            return !operation.begun;  // SO_ERROR says nothing before the descriptor is writable
        case Kind::readable:
        case Kind::writable:
            // What became ready before it was asked for changes no more.
            return (edge_triggered || operation.no_wait || operation.timeout <= conc::Duration::zero()) &&
                   is_ready_now(operation);
        case Kind::pause:
            return false;
    }
    return false;
}

}  // namespace

ReadinessEngine::ReadinessEngine(Driver& driver, WakeUp& wake_up, std::unique_ptr<Poller> poller)
    : Engine(driver, wake_up), poller_(std::move(poller)) {
    poller_->watch(wake_up_.fd(), kRead);
}

ReadinessEngine::Slot& ReadinessEngine::slot_of(const Operation& operation) noexcept {
    return slots_[static_cast<std::size_t>(operation.fd)];
}

std::error_code ReadinessEngine::admit(int fd) {
    if (fd < 0) {
        return std::make_error_code(std::errc::bad_file_descriptor);
    }
    if (!poller_->admits(fd)) {
        return Errc::too_many_descriptors;
    }
    const auto needed = static_cast<std::size_t>(fd) + 1;
    if (slots_.size() < needed) {
        slots_.resize(needed);
    }
    return {};
}

// The poller is left as it is: this is the end of it.
std::vector<Operation*> ReadinessEngine::take_all() noexcept {
    std::vector<Operation*> taken;
    taken.reserve(pending_);
    for (Slot& slot : slots_) {
        for (Operation* operation : {std::exchange(slot.reader, nullptr), std::exchange(slot.writer, nullptr)}) {
            if (operation != nullptr) {
                operation->pending = false;
                taken.push_back(operation);
            }
        }
    }
    pending_ = 0;
    return taken;
}

void ReadinessEngine::watch(int fd, Slot& slot, Interest interest) {
    if (slot.watched != interest) {
        poller_->watch(fd, interest);
        slot.watched = interest;
    }
}

bool ReadinessEngine::submit(Operation& operation) {
    try {
        const auto index = static_cast<std::size_t>(operation.fd);
        if (operation.fd < 0 || index >= slots_.size()) [[unlikely]] {
            operation.error = admit(operation.fd);
            if (operation.error) {
                return true;
            }
        }
        return submit_to(slot_of(operation), operation);
    } catch (const std::bad_alloc&) {
        operation.error = std::make_error_code(std::errc::not_enough_memory);
    } catch (const std::system_error& error) {
        operation.error = error.code();
    }
    return true;
}

bool ReadinessEngine::submit_to(Slot& slot, Operation& operation) {
    Operation*& place = operation.reads() ? slot.reader : slot.writer;
    if (place != nullptr) {
        operation.error = Errc::operation_in_progress;
        return true;
    }
    const bool drained = slot.drained && !slot.ended;
    if (is_tried_at_once(operation, drained, poller_->edge_triggered()) && attempt(operation, slot.drained)) {
        return true;
    }
    if (operation.no_wait) {
        operation.error = canceled();
        return true;
    }
    if (operation.timeout <= conc::Duration::zero()) {
        operation.error = std::make_error_code(std::errc::timed_out);
        return true;
    }
    watch(operation.fd, slot, static_cast<Interest>(slot.watched | direction_of(operation)));
    if (operation.timeout != kNoTimeout) {
        limit(operation, deadline_after(now(), operation.timeout));
    }
    place = &operation;
    operation.pending = true;
    ++pending_;
    return false;
}

void ReadinessEngine::cancel(Operation& operation) {
    if (!operation.pending) {
        return;
    }
    const bool takes_what_is_there =
        operation.kind == Kind::receive || operation.kind == Kind::accept || operation.kind == Kind::receive_batch;
    if (!takes_what_is_there || !attempt(operation, slot_of(operation).drained)) {
        operation.error = canceled();
    }
    finish(operation);
}

void ReadinessEngine::withdraw(Operation& operation) noexcept {
    if (operation.pending) {
        detach(operation);
    }
}

void ReadinessEngine::forget(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (fd < 0 || index >= slots_.size()) {
        return;
    }
    Slot& slot = slots_[index];
    fail(slot.reader, canceled());
    fail(slot.writer, canceled());
    poller_->forget(fd);
    slot = Slot();
}

void ReadinessEngine::detach(Operation& operation) noexcept {
    Slot& slot = slot_of(operation);
    (operation.reads() ? slot.reader : slot.writer) = nullptr;
    operation.pending = false;
    --pending_;
    const Interest direction = direction_of(operation);
    if (direction != kNothing && !stays_watched(operation)) {
        watch(operation.fd, slot, static_cast<Interest>(slot.watched & ~direction));
    }
}

// A read of a stream or listener is soon followed by another. Who asks for no more than readiness may close the
// descriptor afterwards, and not tell.
bool ReadinessEngine::stays_watched(const Operation& operation) const noexcept {
    switch (operation.kind) {
        case Kind::accept:
        case Kind::receive:
        case Kind::receive_batch:
            return true;
        case Kind::send:
        case Kind::send_batch:
        case Kind::connect:
            return poller_->edge_triggered();
        case Kind::readable:
        case Kind::writable:
        case Kind::pause:
            return false;
    }
    return false;
}

void ReadinessEngine::finish(Operation& operation) noexcept {
    detach(operation);
    resume(operation);
}

void ReadinessEngine::fail(Operation* operation, std::error_code error) noexcept {
    if (operation != nullptr) {
        operation->error = error;
        finish(*operation);
    }
}

void ReadinessEngine::poll(std::optional<conc::TimePoint> until) {
    ready_.clear();
    const bool timed_out = wait_for_events(until);
    wake_up_.end_sleep();
    for (const Ready& ready : ready_) {
        serve(ready);
    }
    // What is ready goes before what is late. The clock is not read where nothing has a deadline.
    if (timed_out || nearest_ != conc::TimePoint::max()) {
        const conc::TimePoint time = now();
        if (time >= nearest_) {
            expire(time);
        }
    }
}

// The three outcomes of select(2), poll(2) and epoll_wait(2): 0 is a timeout, more than 0 counts what is ready, less is
// an error; and EINTR waits on with the time that is left. True: the time was over.
bool ReadinessEngine::wait_for_events(std::optional<conc::TimePoint> until) {
    const conc::TimePoint end = std::min(until.value_or(conc::TimePoint::max()), nearest_);
    const bool looks_only = (until && *until == conc::TimePoint::min()) || !wake_up_.begin_sleep();
    for (;;) {
        conc::Duration left = conc::Duration::zero();
        if (!looks_only) {
            left =
                end == conc::TimePoint::max() ? conc::Duration::max() : std::max(end - now(), conc::Duration::zero());
        }
        const int error = poller_->wait(left, ready_);
        if (error == 0) {
            return ready_.empty();
        }
        if (error != EINTR && error != ENOMEM) {
            conc::internal::fatal("the driver's system call failed: " + std::system_category().message(error));
        }
        if (looks_only || error == ENOMEM || left == conc::Duration::zero()) {
            return false;
        }
    }
}

void ReadinessEngine::serve(Ready ready) {
    if (ready.fd == wake_up_.fd()) {
        wake_up_.drain();
        return;
    }
    Slot& slot = slots_[static_cast<std::size_t>(ready.fd)];
    if ((ready.what & kInvalid) != 0) {
        const std::error_code error = std::make_error_code(std::errc::bad_file_descriptor);
        fail(slot.reader, error);
        fail(slot.writer, error);
        watch(ready.fd, slot, kNothing);
        return;
    }
    slot.ended = slot.ended || (ready.what & kEnd) != 0;
    if ((ready.what & kRead) != 0) {
        slot.drained = false;
        serve_direction(ready.fd, slot, slot.reader, kRead);
    }
    if ((ready.what & kWrite) != 0) {
        serve_direction(ready.fd, slot, slot.writer, kWrite);
    }
}

void ReadinessEngine::serve_direction(int fd, Slot& slot, Operation* operation, Interest direction) {
    if (operation == nullptr || operation->kind == Kind::pause) {
        if (!poller_->edge_triggered()) {
            watch(fd, slot, static_cast<Interest>(slot.watched & ~direction));
        }
        return;
    }
    const std::size_t unsent = operation->unsent.size();
    if (attempt(*operation, slot.drained)) {
        finish(*operation);
    } else if (operation->unsent.size() < unsent && operation->timeout != kNoTimeout) {
        // A send's timeout is for lack of progress. nearest_ stays a lower bound.
        operation->deadline = deadline_after(now(), operation->timeout);
    }
}

void ReadinessEngine::expire(conc::TimePoint time) {
    nearest_ = conc::TimePoint::max();
    for (const Slot& slot : slots_) {
        look_at_deadline(slot.reader, time);
        look_at_deadline(slot.writer, time);
    }
    end_all_late();
}

void ReadinessEngine::end_late(Operation& operation) {
    fail(&operation, std::make_error_code(std::errc::timed_out));
}

}  // namespace mynah::net::internal
