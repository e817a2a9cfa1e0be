// endpoint.hpp -- what a Stream, Listener or DatagramSocket shares with its operations and with whoever interrupts it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "conc/internal/atomic.hpp"
#include "net/descriptor.hpp"
#include "net/driver.hpp"
#include "net/internal/socket_address.hpp"

namespace mynah::net::internal {

/// Invariants:
/// - `link` is set once, by adopt(), and from then on everything marked "home" is touched on that driver's worker only.
/// - An awaiter at home counts itself in waiting and has no reference of its own, which would cost two atomic
///   operations a message: whoever owns the endpoint closes it before it lets go, and then the endpoint owns itself
///   until the last one has left.
/// - The descriptor is closed by close() at home, after the driver has forgotten it; or, where no driver is left, by
///   the destructor.
struct Endpoint {
    explicit Endpoint(Descriptor descriptor) noexcept : fd(std::move(descriptor)) {}

    /// nullptr before adopt() and after the scheduler has gone. From any thread.
    Driver* driver() const noexcept {
        const DriverLink* home = link.load();
        return home == nullptr ? nullptr : home->driver;
    }

    /// Makes the current worker this endpoint's home. Doing it again at home changes nothing.
    std::error_code adopt();

    /// From any thread, once; `self` is this endpoint.
    static void close(const std::shared_ptr<Endpoint>& self) noexcept;

    /// Ends the pending read as Driver::cancel does: the one with this ticket, or, for 0, whichever, if the endpoint is
    /// still interrupted when the driver gets to it. From any thread.
    static void cancel_reading(const std::shared_ptr<Endpoint>& self, std::uint64_t ticket);

    /// Home: an awaiter has suspended its task, and refers to this endpoint until it leaves.
    void enter() noexcept { ++waiting; }

    /// Home, or after the workers have stopped: that awaiter touches the endpoint no more.
    void leave() noexcept {
        if (--waiting == 0 && self != nullptr) [[unlikely]] {
            const std::shared_ptr<Endpoint> last = std::move(self);
        }
    }

    /// Both powers of two. The first receive takes `least`.
    void set_receive_bounds(std::size_t least, std::size_t most) noexcept {
        receive_bytes = static_cast<std::uint32_t>(least);
        receive_minimum = static_cast<std::uint8_t>(std::countr_zero(least));
        receive_maximum = static_cast<std::uint8_t>(std::countr_zero(most));
    }

    /// A buffer that came back full is too small; one that was used to a quarter is more than need be.
    void adapt_receive_size(std::size_t room, std::size_t received) noexcept {
        if (received >= room) {
            receive_bytes = static_cast<std::uint32_t>(std::min(room * 2, std::size_t{1} << receive_maximum));
        } else if (received < room / 4) {
            receive_bytes = std::max(receive_bytes / 2, 1U << receive_minimum);
        }
    }

    // What every message needs stands together.
    Descriptor fd;  // home, once adopted
    conc::internal::Atomic<bool> interrupted{false};
    conc::internal::Atomic<bool> closed{false};
    conc::internal::Atomic<bool> backing_off{false};    // the last accept found no descriptor free
    std::uint8_t at_once = 0;                           // home: operations in a row that needed no wait
    conc::internal::Atomic<DriverLink*> link{nullptr};  // seq_cst, against `interrupted`: see Stream::interrupt
    Operation* reading = nullptr;                       // home: the pending read, for cancel_reading
    // Home: how large a buffer the next receive takes, a power of two; of datagrams, for how many.
    std::uint32_t receive_bytes = 0;
    std::uint8_t receive_minimum = 0;  // its bounds, as exponents of 2
    std::uint8_t receive_maximum = 0;
    std::uint16_t waiting = 0;  // home: awaiters between enter() and leave()

    // The rest is for its beginning and its end.
    CompactAddress peer;
    std::shared_ptr<DriverLink> link_owner;  // keeps *link alive
    conc::internal::Atomic<std::uint64_t> tickets{0};
    std::shared_ptr<Endpoint> self;  // home: once closed, while an awaiter has not left

  private:
    static void close_at_home(const std::shared_ptr<Endpoint>& self, Driver& home) noexcept;
    void cancel_at_home(Driver& home, std::uint64_t ticket);
};

}  // namespace mynah::net::internal
