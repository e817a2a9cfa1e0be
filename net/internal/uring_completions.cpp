// uring_completions.cpp -- what the kernel has done of what UringEngine asked for, and how operations end.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include "conc/event_source.hpp"
#include "net/descriptor.hpp"
#include "net/internal/attempt.hpp"
#include "net/internal/socket_address.hpp"
#include "net/internal/timeval.hpp"
#include "net/internal/uring.hpp"
#include "net/internal/uring_engine.hpp"
#include "net/internal/uring_mark.hpp"
#include "net/internal/wake_up.hpp"
#include "net/lease.hpp"
#include "net/operation.hpp"

namespace mynah::net::internal {
namespace {

using Kind = Operation::Kind;

std::error_code to_error(int result) noexcept {
    return {-result, std::system_category()};
}

/// The request is to be made again: nothing is wrong with its descriptor.
bool is_passing(int result) noexcept {
    return result == -EINTR || result == -EAGAIN || result == -ECANCELED || result == -ENOBUFS;
}

bool has_more(const Uring::Completion& completion) noexcept {
    return (completion.flags & IORING_CQE_F_MORE) != 0;
}

}  // namespace

// Where there is no memory to note what has come, the program ends: an exception would have all of it come again.
unsigned UringEngine::reap() noexcept {
    return ring_->take([this](const Uring::Completion& completion) { on_completion(completion); });
}

// Sees all that had come before. The kernel defers no more than one thing for each request, and does a few of them in
// each look.
void UringEngine::catch_up() noexcept {
    std::size_t looks = in_flight_ / Uring::kDeferredPerLook + 2;
    do {
        ring_->look();
        reap();
    } while (--looks > 0 && ring_->has_deferred());
}

void UringEngine::on_completion(const Uring::Completion& completion) {
    switch (UringMark::tag_of(completion.mark)) {
        case Tag::send:
            --in_flight_;
            on_send(UringMark::unpack_send(completion.mark), completion.result);
            break;
        case Tag::receive:
        case Tag::accept:
            on_read(completion);
            break;
        case Tag::poll_read:
        case Tag::poll_write:
            --in_flight_;
            on_poll(UringMark::unpack(completion.mark), completion.result);
            break;
        case Tag::wake:
            on_wake(completion.flags);
            break;
        case Tag::cancel:
            break;
    }
}

void UringEngine::on_wake(unsigned flags) {
    wake_up_.drain();
    if ((flags & IORING_CQE_F_MORE) == 0) {
        --in_flight_;
        if (started_) {
            ask_wake();
        }
    }
}

void UringEngine::on_read(const Uring::Completion& completion) {
    const UringMark mark = UringMark::unpack(completion.mark);
    const bool last = !has_more(completion);
    std::optional<Arrived> arrived = result_of(mark, completion);
    if (last) {
        --in_flight_;
        receiving_[mark.group] -= mark.tag == Tag::receive ? 1 : 0;
    }
    Slot& slot = slots_[static_cast<std::size_t>(mark.fd)];
    if (slot.reading.serial != mark.serial) {
        return;  // of a descriptor that was closed: what came for it goes
    }
    if (last) {
        slot.reading = {};
    }
    if (arrived) {
        on_arrival(mark.fd, slot, std::move(*arrived));
    }
    if (last && slot.reader != nullptr && started_) {
        try {
            ask_again(mark.fd, slot);
        } catch (const std::bad_alloc&) {
            fail(*slot.reader, std::make_error_code(std::errc::not_enough_memory));
        } catch (const std::system_error& error) {
            fail(*slot.reader, error.code());
        }
    }
}

/// What there is to be told to whoever reads; nothing where the request has just ended.
std::optional<UringEngine::Arrived> UringEngine::result_of(const UringMark& mark, const Uring::Completion& completion) {
    const int result = completion.result;
    if (mark.tag == Tag::receive && result >= 0) {
        return received(mark, completion);
    }
    if (mark.tag == Tag::accept && result >= 0) {
        return Arrived{.lease = {}, .accepted = Descriptor(result), .error = {}};
    }
    if (result == -ENOBUFS && mark.tag == Tag::receive) {
        try {
            buffers_of(mark.group).grow(receiving_[mark.group]);
        } catch (const std::bad_alloc&) {
            return std::nullopt;  // those that there are have to do
        }
    }
    if (is_passing(result) || (mark.tag == Tag::accept && died_in_queue(-result))) {
        return std::nullopt;
    }
    return Arrived{.lease = {}, .accepted = {}, .error = to_error(result)};
}

UringEngine::Arrived UringEngine::received(const UringMark& mark, const Uring::Completion& completion) {
    Arrived arrived;
    if ((completion.flags & IORING_CQE_F_BUFFER) == 0) {
        return arrived;
    }
    const auto index = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    try {
        arrived.lease = buffers_of(mark.group).take(index, static_cast<std::size_t>(completion.result));
    } catch (const std::bad_alloc&) {
        arrived.error = std::make_error_code(std::errc::not_enough_memory);
    }
    return arrived;
}

void UringEngine::on_arrival(int fd, Slot& slot, Arrived arrived) {
    Operation* const reader = slot.reader;
    const bool takes_it = reader != nullptr && (reader->kind == Kind::receive || reader->kind == Kind::accept);
    if (takes_it) {
        give(*reader, std::move(arrived));
        finish(*reader);
        return;
    }
    slot.arrived.push_back(std::move(arrived));
    if (slot.arrived.size() - slot.taken >= kMostArrived) {
        take_back_read(fd, slot);
    }
    if (reader != nullptr && reader->kind == Kind::readable) {
        finish(*reader);
    }
}

void UringEngine::give(Operation& operation, Arrived arrived) {
    operation.error = arrived.error;
    operation.lease = std::move(arrived.lease);
    operation.accepted = std::move(arrived.accepted);
    if (operation.accepted) {
        // One request serves many connections, so it has no place for the address of each.
        SocketAddress& peer = *operation.address;
        peer = {};
        if (::getpeername(operation.accepted.get(), &peer.any, &peer.length) != 0) {
            peer = {};  // reset already: the first operation will say so
        }
    }
}

void UringEngine::on_send(Operation& operation, int result) {
    if (result > 0) {
        operation.unsent = operation.unsent.subspan(static_cast<std::size_t>(result));
    }
    if (&operation == withdrawn_) {
        detach(operation);
    } else if (operation.unsent.empty()) {
        finish(operation);
    } else if (result <= 0 && !is_passing(result)) {
        fail(operation, result == 0 ? std::make_error_code(std::errc::io_error) : to_error(result));
    } else if (operation.ending || !started_) {
        fail(operation, operation.ending ? operation.ending : std::make_error_code(std::errc::operation_canceled));
    } else {
        if (result > 0 && operation.timeout != kNoTimeout) {
            limit(operation, deadline_after(now(), operation.timeout));  // its timeout is for lack of progress
        }
        ask_send(operation);
    }
}

void UringEngine::on_poll(const UringMark& mark, int result) {
    Slot& slot = slots_[static_cast<std::size_t>(mark.fd)];
    const bool reads = mark.tag == Tag::poll_read;
    Watch& watch = reads ? slot.reading : slot.writing;
    if (watch.serial != mark.serial) {
        return;
    }
    watch = {};
    Operation* const operation = reads ? slot.reader : slot.writer;
    if (operation == nullptr || !started_) {
        return;
    }
    if (result < 0 && !is_passing(result)) {
        fail(*operation, to_error(result));
    } else if (result >= 0 && attempt(*operation, watch.drained)) {
        finish(*operation);
    } else {
        ask_poll(mark.fd, slot, mark.tag);
    }
}

void UringEngine::expire(conc::TimePoint time) {
    nearest_ = conc::TimePoint::max();
    for (const Slot& slot : slots_) {
        look_at_deadline(slot.reader, time);
        look_at_deadline(slot.writer, time);
    }
    end_all_late();
}

void UringEngine::end_late(Operation& operation) {
    end(operation, std::make_error_code(std::errc::timed_out));
}

// Before its time: a send at its completion, everything else now.
void UringEngine::end(Operation& operation, std::error_code error) {
    Slot& slot = slot_of(operation);
    if (operation.kind == Kind::send && started_) {
        operation.deadline = conc::TimePoint::max();
        operation.ending = error;
        take_back(UringMark::pack(operation));
        return;
    }
    take_back_poll(operation.fd, operation.reads() ? slot.reading : slot.writing);
    fail(operation, error);
}

void UringEngine::detach(Operation& operation) noexcept {
    Slot& slot = slot_of(operation);
    Operation*& place = operation.reads() ? slot.reader : slot.writer;
    if (place == &operation) {
        place = nullptr;
    }
    operation.pending = false;
    --pending_;
}

void UringEngine::finish(Operation& operation) noexcept {
    detach(operation);
    resume(operation);
}

void UringEngine::fail(Operation& operation, std::error_code error) noexcept {
    operation.error = error;
    finish(operation);
}

}  // namespace mynah::net::internal
