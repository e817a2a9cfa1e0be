#include "net/internal/uring_engine.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "conc/event_source.hpp"
#include "conc/panic.hpp"
#include "net/internal/attempt.hpp"
#include "net/internal/buffer_pool.hpp"
#include "net/internal/engine.hpp"
#include "net/internal/timeval.hpp"
#include "net/internal/uring.hpp"
#include "net/internal/uring_buffers.hpp"
#include "net/internal/uring_mark.hpp"
#include "net/internal/wake_up.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net::internal {
namespace {

using Kind = Operation::Kind;

std::error_code canceled() noexcept {
    return std::make_error_code(std::errc::operation_canceled);
}

bool must_not_wait(const Operation& operation) noexcept {
    return operation.no_wait || operation.timeout <= conc::Duration::zero();
}

/// True, as for every operation that has finished: it would have to wait, and must not.
bool refuse_to_wait(Operation& operation) noexcept {
    operation.error = operation.no_wait ? canceled() : std::make_error_code(std::errc::timed_out);
    return true;
}

/// A request that picks from larger buffers than are wanted stays, until they are by far too large.
bool fits(std::uint8_t group, std::uint8_t wanted) noexcept {
    return group == wanted || group == wanted + 1;
}

}  // namespace

UringEngine::UringEngine(Driver& driver, WakeUp& wake_up) : Engine(driver, wake_up), ring_(std::make_unique<Uring>()) {}

UringEngine::~UringEngine() = default;

void UringEngine::start() {
    if (ring_ == nullptr) {
        try {
            ring_ = std::make_unique<Uring>();
        } catch (const std::system_error& error) {
            conc::internal::fatal(std::string("io_uring was to be had in the last run, and is no more: ") +
                                  error.what());
        }
    }
    ring_->enable();
    started_ = true;
    ask_wake();
}

// Takes everything back, and waits until the kernel has let go: soon, as no request on a socket can hold it up.
void UringEngine::stop() noexcept {
    started_ = false;
    while (in_flight_ > 0) {
        // Again each time: one that was about to be tried when it was taken back may wait anew. The completion of this
        // request itself ends the wait.
        take_back_all();
        ring_->wait(conc::Duration::max());
        reap();
    }
    ring_.reset();
    for (std::unique_ptr<UringBuffers>& each : buffers_) {
        each.reset();
    }
    for (Slot& slot : slots_) {
        slot.reading = {};
        slot.writing = {};
    }
}

void UringEngine::poll(std::optional<conc::TimePoint> until) {
    const bool has_news = reap() > 0;
    if (has_news || (until && *until == conc::TimePoint::min()) || !wake_up_.begin_sleep()) {
        ring_->look();
        wake_up_.end_sleep();
        reap();
    } else {
        sleep(std::min(until.value_or(conc::TimePoint::max()), nearest_));
    }
    // What has come goes before what is late. The clock is not read where nothing has a deadline.
    if (nearest_ != conc::TimePoint::max()) {
        if (const conc::TimePoint time = now(); time >= nearest_) {
            expire(time);
        }
    }
}

// Many receives at once take many buffers. What that leaves in the heap goes back to the system once it is quiet.
void UringEngine::sleep(conc::TimePoint end) {
    constexpr conc::Duration kQuiet = std::chrono::milliseconds(100);
    constexpr std::size_t kMuch = std::size_t{4} << 20U;
    conc::Duration longest = conc::Duration::max();
    if (end != conc::TimePoint::max()) {
        longest = std::max(end - now(), conc::Duration::zero());
    }
    const bool may_trim = bytes_given_to_heap() > kMuch && longest > kQuiet;
    ring_->wait(may_trim ? kQuiet : longest);
    wake_up_.end_sleep();
    if (reap() == 0 && may_trim) {
        trim_heap();
    }
}

std::error_code UringEngine::admit(int fd) {
    if (fd < 0) {
        return std::make_error_code(std::errc::bad_file_descriptor);
    }
    if (fd > UringMark::kHighestDescriptor) {
        return Errc::too_many_descriptors;
    }
    const auto needed = static_cast<std::size_t>(fd) + 1;
    if (slots_.size() < needed) {
        slots_.resize(needed);
    }
    return {};
}

// Nothing may be left in the queue of requests when the descriptor is closed. What has begun holds the file itself: it
// is taken back here and now, or the peer would see no end, and a listener would go on to accept.
void UringEngine::forget(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (fd < 0 || index >= slots_.size()) {
        return;
    }
    Slot& slot = slots_[index];
    const bool in_kernel = slot.reading.serial != 0 || slot.writing.serial != 0 || slot.writer != nullptr;
    if (slot.reader != nullptr) {
        end(*slot.reader, canceled());
    }
    if (slot.writer != nullptr) {
        end(*slot.writer, canceled());
    }
    take_back_read(fd, slot);
    if (in_kernel && ring_ != nullptr) {
        catch_up();
    }
    slot = Slot();
}

bool UringEngine::submit(Operation& operation) {
    if (!started_) {
        operation.error = canceled();
        return true;
    }
    try {
        const auto index = static_cast<std::size_t>(operation.fd);
        if (operation.fd < 0 || index >= slots_.size()) [[unlikely]] {
            operation.error = admit(operation.fd);
            if (operation.error) {
                return true;
            }
        }
        return begin(operation);
    } catch (const std::bad_alloc&) {
        operation.error = std::make_error_code(std::errc::not_enough_memory);
    } catch (const std::system_error& error) {
        operation.error = error.code();
    }
    return true;
}

bool UringEngine::begin(Operation& operation) {
    Slot& slot = slot_of(operation);
    if ((operation.reads() ? slot.reader : slot.writer) != nullptr) {
        operation.error = Errc::operation_in_progress;
        return true;
    }
    switch (operation.kind) {
        case Kind::accept:
        case Kind::receive:
            return begin_read(slot, operation);
        case Kind::send:
            return begin_send(operation);
        case Kind::pause:
            if (must_not_wait(operation)) {
                return refuse_to_wait(operation);
            }
            pend(slot.reader, operation);
            return false;
        default:
            return begin_polled(slot, operation);
    }
}

bool UringEngine::begin_read(Slot& slot, Operation& operation) {
    if (take_arrived(operation)) {
        return true;
    }
    if (must_not_wait(operation)) {
        return take_now(operation) || refuse_to_wait(operation);
    }
    if (slot.reading.serial == 0) {
        slot.reader = &operation;
        try {
            ask_read(operation.fd, slot);
        } catch (...) {
            slot.reader = nullptr;
            throw;
        }
    } else if (operation.kind == Kind::receive && !fits(slot.reading.group, group_of(operation.receive_bytes))) {
        take_back_read(operation.fd, slot);  // and asks again, for other buffers, once it has ended
    }
    pend(slot.reader, operation);
    return false;
}

// The kernel gets it with everything else that is asked for until the next wait.
bool UringEngine::begin_send(Operation& operation) {
    if (operation.unsent.empty()) {
        return true;
    }
    if (must_not_wait(operation)) {
        bool drained = false;
        return attempt(operation, drained) || refuse_to_wait(operation);
    }
    pend(slot_of(operation).writer, operation);
    ask_send(operation);
    return false;
}

bool UringEngine::begin_polled(Slot& slot, Operation& operation) {
    const bool reads = operation.reads();
    Watch& watch = reads ? slot.reading : slot.writing;
    if (reads && slot.has_arrived()) {
        return true;  // of a stream: readable, as what has come was received already
    }
    if (reads && must_not_wait(operation) && watch.tag == Tag::receive && watch.serial != 0) {
        catch_up();  // what the stream's own request has received is in the socket no more
        if (slot_of(operation).has_arrived()) {
            return true;
        }
    }
    const bool only_readiness = operation.kind == Kind::readable || operation.kind == Kind::writable;
    // Of a connect that another engine has begun SO_ERROR says nothing before the descriptor is writable.
    const bool tries = only_readiness ? must_not_wait(operation) && is_ready_now(operation)
                                      : !operation.begun && (!watch.drained || must_not_wait(operation));
    if (tries && attempt(operation, watch.drained)) {
        return true;
    }
    if (must_not_wait(operation)) {
        return refuse_to_wait(operation);
    }
    pend(reads ? slot.reader : slot.writer, operation);
    if (watch.serial == 0) {
        ask_poll(operation.fd, slot, reads ? Tag::poll_read : Tag::poll_write);
    }
    return false;
}

void UringEngine::pend(Operation*& place, Operation& operation) {
    if (operation.timeout != kNoTimeout) {
        limit(operation, deadline_after(now(), operation.timeout));
    }
    operation.ending.clear();
    place = &operation;
    operation.pending = true;
    ++pending_;
}

bool UringEngine::take_arrived(Operation& operation) {
    Slot& slot = slot_of(operation);
    if (!slot.has_arrived()) {
        return false;
    }
    give(operation, std::move(slot.arrived[slot.taken]));
    ++slot.taken;
    if (!slot.has_arrived()) {
        slot.arrived.clear();
        slot.taken = 0;
    }
    return true;
}

// What there is without waiting. A request that is under way has its turn first, since what it brings is older than
// what would be found in the socket. True: the operation has its result; one that was pending may have ended on the
// way.
bool UringEngine::take_now(Operation& operation) {
    const bool was_pending = operation.pending;
    const auto has_ended = [&] { return was_pending && !operation.pending; };
    std::uint32_t serial = 0;
    do {
        serial = slot_of(operation).reading.serial;
        catch_up();
        while (!has_ended() && slot_of(operation).reading.ending) {
            ring_->wait(conc::Duration::max());
            catch_up();
        }
        // Where the request has found no buffer, another has taken its place, and has not begun.
    } while (!has_ended() && !slot_of(operation).has_arrived() && slot_of(operation).reading.serial != serial);
    if (has_ended() || take_arrived(operation)) {
        return true;
    }
    Watch& watch = slot_of(operation).reading;
    return watch.serial == 0 && attempt(operation, watch.drained);
}

void UringEngine::cancel(Operation& operation) {
    if (!operation.pending) {
        return;
    }
    const bool takes_what_is_there =
        operation.kind == Kind::receive || operation.kind == Kind::accept || operation.kind == Kind::receive_batch;
    if (!takes_what_is_there) {
        end(operation, canceled());
        return;
    }
    take_back_poll(operation.fd, slot_of(operation).reading);
    if (!take_now(operation)) {
        operation.error = canceled();
    }
    if (operation.pending) {
        finish(operation);
    }
}

// The caller's buffer goes as soon as this returns, so a send has to have ended.
void UringEngine::withdraw(Operation& operation) noexcept {
    if (!operation.pending) {
        return;
    }
    Slot& slot = slot_of(operation);
    if (operation.kind != Kind::send || !started_) {
        take_back_poll(operation.fd, operation.reads() ? slot.reading : slot.writing);
        detach(operation);
        return;
    }
    withdrawn_ = &operation;
    while (operation.pending) {
        end(operation, canceled());  // again each time: see stop()
        ring_->wait(conc::Duration::max());
        reap();
    }
    withdrawn_ = nullptr;
}

}  // namespace mynah::net::internal
