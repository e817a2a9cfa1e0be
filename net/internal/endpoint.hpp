// endpoint.hpp -- what a Stream, Listener or DatagramSocket shares with its operations and with whoever interrupts it.
#pragma once

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
/// - The descriptor is closed by close() at home, after the driver has forgotten it; or, where no driver is left, by
///   the destructor.
struct Endpoint {
    explicit Endpoint(Descriptor descriptor) noexcept : fd(std::move(descriptor)) {}

    /// nullptr before adopt() and after the scheduler has gone. From any thread.
    Driver* driver() const noexcept;

    /// Makes the current worker this endpoint's home. Doing it again at home changes nothing.
    std::error_code adopt();

    /// From any thread, once; `self` is this endpoint.
    static void close(const std::shared_ptr<Endpoint>& self) noexcept;

    /// Ends the pending read as Driver::cancel does: the one with this ticket, or, for 0, whichever, if the endpoint is
    /// still interrupted when the driver gets to it. From any thread.
    static void cancel_reading(const std::shared_ptr<Endpoint>& self, std::uint64_t ticket);

    Descriptor fd;                                      // home, once adopted
    conc::internal::Atomic<DriverLink*> link{nullptr};  // seq_cst, against `interrupted`: see Stream::interrupt
    std::shared_ptr<DriverLink> link_owner;             // keeps *link alive
    conc::internal::Atomic<bool> interrupted{false};
    conc::internal::Atomic<bool> closed{false};
    conc::internal::Atomic<bool> backing_off{false};  // the last accept found no descriptor free
    conc::internal::Atomic<std::uint64_t> tickets{0};
    Operation* reading = nullptr;   // home: the pending read, for cancel_reading
    unsigned at_once = 0;           // home: operations in a row that needed no wait
    std::size_t receive_bytes = 0;  // home: how large a buffer the next receive takes; of datagrams, for how many
    std::size_t receive_minimum = 0;
    std::size_t receive_maximum = 0;
    CompactAddress peer;

  private:
    void close_at_home(Driver& home) noexcept;
    void cancel_at_home(Driver& home, std::uint64_t ticket);
};

}  // namespace mynah::net::internal
