// datagram.hpp -- a UDP socket.                                      Go: net.UDPConn
//
// What     receive() lends a batch of datagrams as they come, send() sends a batch: back to where its datagrams came
//          from, or to where it says. Bound to a wildcard address, an answer leaves from the address that the datagram
//          was sent to. A connected socket exchanges datagrams with one peer.
// Threads  as for a Stream: one task may receive while another sends; the socket belongs to the worker that adopts it.
// Resume   on the home worker; at once where no wait is needed.
// Cancel   interrupt() ends a receive that waits, and lets one that finds something deliver it; close() ends whatever
//          waits. No datagram that was received is lost by either.
// Errors   std::errc::timed_out; operation_canceled; operation_in_progress; else what the kernel says. A connected
//          socket reports connection_refused where its peer's machine said that nobody listens there (ICMP): by the
//          next receive or send, and the socket goes on. A send takes out what the kernel refuses and sends the rest.
// Cost     one system call a batch; an idle socket holds no buffer; a timeout costs no timer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "conc/event_source.hpp"
#include "net/address.hpp"
#include "net/datagram_batch.hpp"
#include "net/descriptor.hpp"
#include "net/internal/datagram_attempt.hpp"
#include "net/internal/operation_awaiter.hpp"
#include "net/operation.hpp"
#include "net/result.hpp"

namespace mynah::net {

struct DatagramOptions {
    std::size_t largest_bytes = 65'535;  // no datagram over IP is longer; a longer one comes truncated
    bool reuse_port = false;             // SO_REUSEPORT: several sockets on one address share its datagrams
    bool ipv6_only = true;               // a socket on [::] does not take IPv4
};

class [[nodiscard]] ReceiveDatagramsAwaiter final : public internal::OperationAwaiter {
  public:
    ReceiveDatagramsAwaiter(const std::shared_ptr<internal::Endpoint>& endpoint, const internal::DatagramAttempt& how,
                            conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::receive_batch, timeout), attempt_(how) {
        attempt_.batch = &batch_;
        operation_.datagrams = &attempt_;
    }
    /// Never an empty batch.
    [[nodiscard]] Result<DatagramBatch> await_resume() noexcept;

  private:
    internal::DatagramAttempt attempt_;
    DatagramBatch batch_;
};

class [[nodiscard]] SendDatagramsAwaiter final : public internal::OperationAwaiter {
  public:
    SendDatagramsAwaiter(const std::shared_ptr<internal::Endpoint>& endpoint, DatagramBatch& batch,
                         conc::Duration timeout) noexcept
        : OperationAwaiter(endpoint, Operation::Kind::send_batch, timeout) {
        attempt_.batch = &batch;
        attempt_.sent.unsent = batch.size();
        operation_.datagrams = &attempt_;
    }
    [[nodiscard]] DatagramsSent await_resume() noexcept;

  private:
    internal::DatagramAttempt attempt_;
};

class DatagramSocket {
  public:
    using Options = DatagramOptions;

    /// No socket: every operation returns operation_canceled.
    DatagramSocket();
    DatagramSocket(DatagramSocket&& other) noexcept;
    DatagramSocket& operator=(DatagramSocket&& other) noexcept;
    ~DatagramSocket();

    /// unresolved_name for an address with a name, protocol_not_supported for one that is not of udp; else what the
    /// system says.
    [[nodiscard]] static Result<DatagramSocket> bind(const Address& address, Options options = {});

    /// A socket of the system's choice of address, which talks to `peer` alone.
    [[nodiscard]] static Result<DatagramSocket> connect(const Address& peer, Options options = {});

    /// Takes over a bound or connected, non-blocking datagram socket.
    static DatagramSocket from(Descriptor descriptor, Options options = {});

    bool is_open() const noexcept;

    /// As Stream::adopt.
    [[nodiscard]] Result<void> adopt();

    /// What has come, at least one datagram, as soon as there is any. The more come at a time the larger is the batch,
    /// up to DatagramBatch::kMost.
    ReceiveDatagramsAwaiter receive(conc::Duration timeout = kNoTimeout) noexcept { return {endpoint_, how_, timeout}; }

    /// Sends every datagram of `batch`, once. Waits while the socket's send queue is full. A batch that was received
    /// can be sent once, as what it knows of its way is turned round.
    SendDatagramsAwaiter send(DatagramBatch& batch, conc::Duration timeout = kNoTimeout) noexcept {
        return {endpoint_, batch, timeout};
    }

    /// From now on a receive() that would have to wait returns operation_canceled, also one that waits now.
    void interrupt() const;
    void clear_interrupt() noexcept;

    void close() noexcept;

    /// udp://0.0.0.0:0 where the socket is closed; peer() also where it is not connected.
    Address local() const;
    Address peer() const;

    /// How many datagrams the kernel has dropped so far as nobody received them in time.
    [[nodiscard]] Result<std::uint64_t> receive_queue_drops() const;

    /// For socket options and tests.
    int fd() const noexcept;

  private:
    DatagramSocket(std::shared_ptr<internal::Endpoint> endpoint, const internal::DatagramAttempt& how) noexcept;
    static Result<DatagramSocket> open(const Address& address, const Options& options, bool connects);
    static DatagramSocket make(Descriptor descriptor, const Options& options, bool tells_local);

    std::shared_ptr<internal::Endpoint> endpoint_;
    internal::DatagramAttempt how_;  // what a receive begins with
};

}  // namespace mynah::net
