// echo_client.hpp -- many connections to an echo service, driven by one thread, every byte verified.
//
// What     Each connection sends a pattern of its own (a function of its seed and the offset, so nothing is stored)
//          and checks what comes back against it. EchoFleet drives them all with poll(2) over plain non-blocking
//          sockets.
// Threads  a fleet belongs to one thread.
// Errors   what the peer does is a value (Ending of a connection); what only a broken machine does throws.
// Cost     one poll a round: linear in the connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <span>

#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {

// The bytes at `offset` and after it in the stream of `seed`.
void fill_pattern(std::span<char> bytes, std::uint64_t seed, std::uint64_t offset);

enum class Reading {
    eager,       // whatever is there
    when_stuck,  // only while nothing more can be sent: the slowest reader that still makes progress
    never,       // the receive window fills up and stays full
};

// What one connection does; may be changed while it runs.
struct Traffic {
    static constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t total_bytes = 0;
    std::uint64_t window_bytes = 4096;  // most bytes sent and not yet back
    std::size_t chunk_bytes = 1024;     // most bytes in one send
    bool half_close = false;            // shut the sending side once total_bytes are out
    std::uint64_t late_bytes = 0;       // sent after the peer's FIN, before ours
    Reading reading = Reading::eager;
    int receive_buffer_bytes = 0;  // 0: the kernel's choice
};

class EchoConnection {
  public:
    enum class End {
        none,   // still open
        fin,    // the peer closed in order
        reset,  // the connection was torn down, or never came to be
    };

    EchoConnection(const Endpoint& endpoint, std::uint64_t seed, const Traffic& traffic);

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] bool is_exact_prefix() const { return !mismatched_; }
    [[nodiscard]] End end() const { return end_; }
    [[nodiscard]] bool is_connected() const { return connected_; }
    [[nodiscard]] bool is_all_echoed() const { return sent_ == traffic_.total_bytes && received_ == sent_; }
    // True when the last attempt to send found the path full: neither side takes more for now.
    [[nodiscard]] bool is_stuck() const { return stuck_; }
    [[nodiscard]] std::uint16_t local_port() const { return local_port_; }
    [[nodiscard]] Traffic& traffic() { return traffic_; }
    [[nodiscard]] Socket& socket() { return socket_; }

    [[nodiscard]] short wanted_events() const;
    void on_events(short events);

  private:
    [[nodiscard]] bool may_send() const;
    void finish_connecting();
    void send_some();
    void receive_some();
    void on_peer_fin();
    void half_close_if_due();
    void end_with_reset();

    Socket socket_;
    Traffic traffic_;
    std::uint64_t seed_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::uint16_t local_port_ = 0;
    bool connected_ = false;
    bool half_closed_ = false;
    bool mismatched_ = false;
    bool stuck_ = false;
    End end_ = End::none;
};

class EchoFleet {
  public:
    using Condition = std::function<bool()>;

    // Returns the connections added, which stay where they are.
    EchoConnection& add(const Endpoint& endpoint, const Traffic& traffic);
    void add(const Endpoint& endpoint, const Traffic& traffic, std::size_t count);

    // Drives every connection until the condition holds (true) or the limit passes (false).
    [[nodiscard]] bool run_until(const Condition& condition, std::chrono::milliseconds limit = patience());

    [[nodiscard]] bool all(const std::function<bool(const EchoConnection&)>& holds) const;
    [[nodiscard]] std::size_t count(const std::function<bool(const EchoConnection&)>& holds) const;
    [[nodiscard]] std::size_t size() const { return connections_.size(); }
    [[nodiscard]] std::deque<EchoConnection>& connections() { return connections_; }
    [[nodiscard]] std::uint64_t total_sent() const;
    [[nodiscard]] std::uint64_t total_received() const;
    void close_all();

  private:
    std::deque<EchoConnection> connections_;
};

}  // namespace mynah::integration
