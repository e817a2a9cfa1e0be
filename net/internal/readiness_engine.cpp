#include "net/internal/readiness_engine.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "conc/event_source.hpp"
#include "conc/panic.hpp"
#include "net/driver.hpp"
#include "net/internal/attempt.hpp"
#include "net/internal/engine.hpp"
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

/// Has the cache lines from `first` to `last` fetched, counted from the one that `where` is in. By address, as a
/// pointer may not leave its object; to fetch what is nobody's does no harm.
void fetch_lines(const void* where, int first, int last) noexcept {
    constexpr std::uintptr_t kLineBytes = 64;
    for (int line = first; line <= last; ++line) {
        const auto address = reinterpret_cast<std::uintptr_t>(where) + static_cast<std::uintptr_t>(line) * kLineBytes;
        __builtin_prefetch(reinterpret_cast<const void*>(address), 1);  // NOLINT(performance-no-int-to-ptr)
    }
}

}  // namespace

ReadinessEngine::ReadinessEngine(Driver& driver, WakeUp& wake_up, std::unique_ptr<Poller> poller)
    : Engine(driver, wake_up), poller_(std::move(poller)), edge_triggered_(poller_->edge_triggered()) {
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
    try {
        if (slots_.size() < needed) {
            slots_.resize(needed);
        }
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    }
    return {};
}

// The poller is left as it is: this is the end of it.
std::vector<Operation*> ReadinessEngine::take_all() noexcept {
    date_all(now());
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
    ready_.clear();  // found again by the next engine
    served_ = 0;
    set_found(false);
    return taken;
}

void ReadinessEngine::watch(int fd, Slot& slot, Interest interest) {
    if (slot.watched != interest) {
        poller_->watch(fd, interest);
        slot.watched = interest;
    }
}

// A message passes through here twice: with a send that the kernel takes at once, and with a receive that has to wait.
bool ReadinessEngine::submit(Operation& operation) {
    const auto index = static_cast<std::size_t>(operation.fd);
    if (operation.fd >= 0 && index < slots_.size()) [[likely]] {
        Slot& slot = slots_[index];
        if (operation.kind == Kind::send && slot.writer == nullptr) {
            if (attempt_send(operation)) [[likely]] {
                return true;
            }
            return ends_or_waits(slot, operation);
        }
        if (operation.kind == Kind::receive && slot.reader == nullptr && slot.drained && !slot.ended) {
            if (!operation.no_wait && operation.timeout > conc::Duration::zero()) [[likely]] {
                return ends_or_waits(slot, operation);
            }
        }
    }
    return submit_any(operation);
}

bool ReadinessEngine::submit_any(Operation& operation) {
    operation.error = admit(operation.fd);
    if (operation.error) {
        return true;
    }
    Slot& slot = slot_of(operation);
    if ((operation.reads() ? slot.reader : slot.writer) != nullptr) {
        operation.error = Errc::operation_in_progress;
        return true;
    }
    const bool drained = slot.drained && !slot.ended;
    if (is_tried_at_once(operation, drained, edge_triggered_) && attempt(operation, slot.drained)) {
        return true;
    }
    return ends_or_waits(slot, operation);
}

// It has been tried, if there was a chance.
bool ReadinessEngine::ends_or_waits(Slot& slot, Operation& operation) {
    if (operation.no_wait) [[unlikely]] {
        operation.error = canceled();
        return true;
    }
    if (operation.timeout <= conc::Duration::zero()) [[unlikely]] {
        operation.error = std::make_error_code(std::errc::timed_out);
        return true;
    }
    const Interest direction = direction_of(operation);
    if ((slot.watched & direction) != direction) [[unlikely]] {
        operation.error = watch_more(operation.fd, slot, direction);
        if (operation.error) {
            return true;
        }
    }
    if (operation.timeout != kNoTimeout) {
        date_later(operation);
    }
    operation.doubted = has_unserved();
    operation.pending = true;
    (operation.reads() ? slot.reader : slot.writer) = &operation;
    ++pending_;
    return false;
}

std::error_code ReadinessEngine::watch_more(int fd, Slot& slot, Interest direction) {
    try {
        watch(fd, slot, static_cast<Interest>(slot.watched | direction));
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

// The clock is read once for several operations, when the last of them begins to wait or the next poll begins: a
// time-out comes later for that by a few turns of tasks, and never early.
void ReadinessEngine::date_later(Operation& operation) noexcept {
    if (undated_count_ == undated_.size()) {
        date_all(now());
    }
    operation.deadline = conc::TimePoint::max();
    undated_[undated_count_++] = &operation;
}

[[gnu::noinline]] void ReadinessEngine::date_all(conc::TimePoint time) noexcept {
    for (std::size_t i = 0; i < undated_count_; ++i) {
        Operation& operation = *undated_[i];
        if (operation.deadline == conc::TimePoint::max()) {  // else somebody knew better: hold()
            limit(operation, deadline_after(time, operation.timeout));
        }
    }
    undated_count_ = 0;
}

void ReadinessEngine::drop_undated(const Operation& operation) noexcept {
    for (std::size_t i = 0; i < undated_count_; ++i) {
        if (undated_[i] == &operation) {
            undated_[i] = undated_[--undated_count_];
            return;
        }
    }
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
    operation.pending = false;
    --pending_;
    if (operation.deadline == conc::TimePoint::max() && operation.timeout != kNoTimeout) [[unlikely]] {
        drop_undated(operation);
    }
    if (operation.kind == Kind::receive) [[likely]] {
        slot.reader = nullptr;  // and the stream stays watched
        return;
    }
    (operation.reads() ? slot.reader : slot.writer) = nullptr;
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
            return edge_triggered_;
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

// While something is left to serve the kernel is not asked for more: it would only make the list longer. The clock is
// read once, before the wait, and not at all where nothing has a deadline. A deadline that passes during a wait which
// finds something is seen by the next poll.
void ReadinessEngine::poll(std::optional<conc::TimePoint> until) {
    conc::TimePoint time = conc::TimePoint::min();
    if (nearest_ != conc::TimePoint::max() || undated_count_ > 0) {
        time = now();
        date_all(time);
    }
    if (!has_unserved()) {
        ready_.clear();
        served_ = 0;
        wait_for_events(time >= nearest_ ? time : std::min(until.value_or(conc::TimePoint::max()), nearest_), time);
        wake_up_.end_sleep();
        if (ready_.empty() && nearest_ != conc::TimePoint::max()) {
            time = now();
        }
    }
    if (time >= nearest_) {
        while (has_unserved()) {  // what is ready goes before what is late
            serve(ready_[served_++]);
        }
        expire(time);
    }
    set_found(has_unserved());
}

void ReadinessEngine::serve_next() noexcept {
    look_ahead();
    serve(ready_[served_++]);
    set_found(has_unserved());
}

// With a thousand connections what belongs to one has left the cache when its turn comes. While the kernel works for
// the one that is served now, the memory of those behind it is fetched: first the slot, which leads to the operation
// and the frame around it, which leads to the task.
void ReadinessEngine::look_ahead() const noexcept {
    const auto slot_behind = [this](std::size_t distance) -> const Slot* {
        const std::size_t index = served_ + distance;
        if (index >= ready_.size()) {
            return nullptr;
        }
        const auto fd = static_cast<std::size_t>(ready_[index].fd);
        return fd < slots_.size() ? &slots_[fd] : nullptr;  // the wake-up has no slot
    };
    if (const Slot* slot = slot_behind(3); slot != nullptr) {
        __builtin_prefetch(slot);
    }
    if (const Slot* slot = slot_behind(2); slot != nullptr && slot->reader != nullptr) {
        fetch_lines(slot->reader, -1, 5);
    }
    if (const Slot* slot = slot_behind(1); slot != nullptr && slot->reader != nullptr) {
        const Operation& operation = *slot->reader;
        fetch_lines(operation.task, 0, 1);
        fetch_lines(operation.nearby, 0, 1);
    }
}

// The three outcomes of select(2), poll(2) and epoll_wait(2): 0 is a timeout, more than 0 counts what is ready, less is
// an error; and EINTR waits on with the time that is left. `time` is the present, where it is known already.
void ReadinessEngine::wait_for_events(conc::TimePoint end, conc::TimePoint time) {
    const bool looks_only = end <= time || !wake_up_.begin_sleep();
    for (;;) {
        conc::Duration left = conc::Duration::zero();
        if (!looks_only) {
            if (end != conc::TimePoint::max() && time == conc::TimePoint::min()) {
                time = now();
            }
            left = end == conc::TimePoint::max() ? conc::Duration::max() : std::max(end - time, conc::Duration::zero());
        }
        const int error = poller_->wait(left, ready_);
        if (error == 0) {
            return;
        }
        if (error != EINTR && error != ENOMEM) {
            conc::internal::fatal("the driver's system call failed: " + std::system_category().message(error));
        }
        if (looks_only || error == ENOMEM || left == conc::Duration::zero()) {
            return;
        }
        time = conc::TimePoint::min();
    }
}

void ReadinessEngine::serve(Ready ready) {
    if (ready.fd == wake_up_.fd()) {
        wake_up_.drain();
        return;
    }
    Slot& slot = slots_[static_cast<std::size_t>(ready.fd)];
    if ((ready.what & kInvalid) != 0) {
        if (::fcntl(ready.fd, F_GETFD) >= 0) {
            return;  // another file has the number by now
        }
        const std::error_code error = std::make_error_code(std::errc::bad_file_descriptor);
        fail(slot.reader, error);
        fail(slot.writer, error);
        watch(ready.fd, slot, kNothing);
        return;
    }
    slot.ended = slot.ended || (ready.what & kEnd) != 0;
    if ((ready.what & kRead) != 0) {
        slot.drained = false;
        if (Operation* reader = slot.reader; reader != nullptr && reader->kind == Kind::receive) [[likely]] {
            if (attempt_receive(*reader, slot.drained)) [[likely]] {
                finish(*reader);
            }
        } else {
            serve_direction(ready.fd, slot, reader, kRead);
        }
    }
    if ((ready.what & kWrite) != 0) {
        serve_direction(ready.fd, slot, slot.writer, kWrite);
    }
}

void ReadinessEngine::serve_direction(int fd, Slot& slot, Operation* operation, Interest direction) {
    if (operation == nullptr || operation->kind == Kind::pause) {
        if (!edge_triggered_) {
            watch(fd, slot, static_cast<Interest>(slot.watched & ~direction));
        }
        return;
    }
    const std::size_t unsent = operation->unsent.size();
    if (attempt(*operation, slot.drained)) {
        finish(*operation);
    } else if (operation->unsent.size() < unsent && operation->timeout != kNoTimeout) {
        // A send's timeout is for lack of progress.
        limit(*operation, deadline_after(now(), operation->timeout));
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
