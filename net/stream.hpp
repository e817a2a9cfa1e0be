// stream.hpp -- a connected TCP or unix stream socket.               Go: net.TCPConn, net.UnixConn
//
// What     receive() lends bytes as they come, send_all() sends all it is given.
// Threads  one task may receive while another sends. A stream belongs to the worker that adopts it: the first await
//          does so, or adopt(); a task that awaits it elsewhere goes on at home. interrupt() and close(): from any
//          worker. A handle that others use is not moved or destroyed meanwhile.
// Resume   on the home worker; at once where no wait is needed.
// Cancel   interrupt() ends a receive that waits; close() ends whatever waits. Bytes are lost by neither before
//          close.
// Errors   a clean end of stream is an empty Lease; std::errc::timed_out; operation_canceled after interrupt() or
//          close(); operation_in_progress where two tasks receive (or send) at once; else what the kernel says.
// Cost     one system call a receive and one a send; an idle stream holds no buffer; a timeout costs no timer.
// Differs  from Go: deadlines are arguments; not usable after the scheduler's run has ended, but for its destructor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <sys/types.h>

#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/internal/operation_awaiter.hpp"
#include "net/lease.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

/// How large the buffers are that receive() lends. They grow to `maximum_bytes` while they come back full, and shrink
/// again when they do not. Rounded up to a power of two.
struct ReceiveOptions {
    std::size_t initial_bytes = 4096;
    std::size_t maximum_bytes = 131072;
};

/// SO_PEERCRED (unix(7)). The process is 0 where it is of another pid namespace.
struct PeerCredentials {
    pid_t process = 0;
    uid_t user = 0;
    gid_t group = 0;
};

class [[nodiscard]] ReceiveAwaiter final : public internal::OperationAwaiter {
  public:
    ReceiveAwaiter(const std::shared_ptr<internal::Endpoint>& endpoint, conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::receive, timeout) {}
    [[nodiscard]] Result<Lease> await_resume() noexcept;
};

class [[nodiscard]] SendAwaiter final : public internal::OperationAwaiter {
  public:
    SendAwaiter(const std::shared_ptr<internal::Endpoint>& endpoint, std::span<const std::byte> bytes,
                conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::send, timeout) {
        operation_.unsent = bytes;
    }
    [[nodiscard]] Result<void> await_resume() noexcept;

    /// After the await: how many of the bytes the kernel has not taken; 0 unless it failed.
    [[nodiscard]] std::size_t unsent_bytes() const noexcept { return operation_.unsent.size(); }
};

class Stream {
  public:
    /// interrupt() for code that does not own the stream; it may outlive it.
    class Interrupter {
      public:
        Interrupter() = default;
        void interrupt() const;

      private:
        friend class Stream;
        explicit Interrupter(std::shared_ptr<internal::Endpoint> endpoint) noexcept : endpoint_(std::move(endpoint)) {}
        std::shared_ptr<internal::Endpoint> endpoint_;
    };

    /// No stream: every operation returns operation_canceled.
    Stream();
    Stream(Stream&& other) noexcept;
    Stream& operator=(Stream&& other) noexcept;
    ~Stream();

    /// For the code that makes streams: listener.cpp, connect.cpp.
    explicit Stream(std::shared_ptr<internal::Endpoint> endpoint) noexcept;

    /// Takes over a connected, non-blocking stream socket.
    static Stream from(Descriptor descriptor);

    /// False where there is no stream, or it has been closed.
    bool is_open() const noexcept;

    /// Makes the current worker the stream's home. too_many_descriptors where its driver cannot watch the descriptor;
    /// wrong_worker where the stream has another home.
    [[nodiscard]] Result<void> adopt();

    /// The next bytes as soon as there are any; an empty Lease at a clean end of stream.
    ReceiveAwaiter receive(conc::Duration timeout = kNoTimeout) noexcept { return {endpoint_, timeout}; }

    /// Sends all of `bytes`, which must stay where they are. The timeout is for lack of progress: it begins anew
    /// whenever the kernel has taken some.
    SendAwaiter send_all(std::span<const std::byte> bytes, conc::Duration timeout = kNoTimeout) noexcept {
        return {endpoint_, bytes, timeout};
    }
    SendAwaiter send_all(std::string_view text, conc::Duration timeout = kNoTimeout) noexcept {
        return send_all(std::as_bytes(std::span(text)), timeout);
    }

    /// Sends FIN after what has been sent, so not while another task sends; receiving goes on. At home only, where
    /// nobody closes the descriptor meanwhile: wrong_worker elsewhere. An await of this stream, of send_all("") say,
    /// brings a task home.
    [[nodiscard]] Result<void> shutdown_send();

    /// Ends what waits with operation_canceled and closes the descriptor: at once at home, else soon.
    void close() noexcept;

    /// Closes with RST (SO_LINGER of 0), so that the peer sees a reset connection.
    void reset() noexcept;

    /// From now on a receive() that would have to wait returns operation_canceled, also one that waits now; bytes that
    /// are in the kernel are delivered first.
    void interrupt() const { interrupter().interrupt(); }
    void clear_interrupt() noexcept;
    Interrupter interrupter() const { return Interrupter(endpoint_); }

    /// tcp://0.0.0.0:0 where the stream is closed. Most peers of a unix socket have no name: Family::unnamed.
    Address peer() const;
    Address local() const;

    /// Who a unix socket's peer was when it connected. operation_not_supported over TCP, where nobody can tell.
    [[nodiscard]] Result<PeerCredentials> peer_credentials() const;

    /// Bytes that the kernel holds and receive() has not yet lent: FIONREAD. What io_uring has received ahead is in
    /// neither place, and not counted.
    [[nodiscard]] Result<std::size_t> unread_bytes() const;

    /// TCP_NODELAY; on for streams that connect() made, and for accepted ones unless ListenOptions say otherwise.
    /// operation_not_supported on a unix socket.
    [[nodiscard]] Result<void> set_no_delay(bool on);

    /// Before the first receive().
    void set_receive_options(ReceiveOptions options) noexcept;

    /// For socket options and tests.
    int fd() const noexcept;

  private:
    std::shared_ptr<internal::Endpoint> endpoint_;
};

}  // namespace mynah::net
