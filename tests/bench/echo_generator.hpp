// echo_generator.hpp -- a closed-loop load on an echo service: one message in flight on each connection, every byte
// checked.
//
// What     EchoGenerator connects, then run(duration) counts the messages that came back whole and right.
// Threads  one; it runs on the thread that calls run.
// Errors   std::runtime_error when a connection cannot be made, ends early, or returns a byte that was not sent.
// Cost     one epoll_wait for all that is ready, one recv and one send a message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

class EchoGenerator {
  public:
    struct Options {
        std::size_t connections = 64;
        std::size_t message_bytes = 64;
    };

    struct Result {
        std::uint64_t messages = 0;
        std::chrono::duration<double> elapsed{};

        [[nodiscard]] double messages_per_second() const { return static_cast<double>(messages) / elapsed.count(); }
    };

    EchoGenerator(const integration::Endpoint& endpoint, const Options& options);

    // Loads the service for so long; what is in flight at the end is waited for, checked, and not counted.
    Result run(std::chrono::milliseconds duration);

  private:
    struct Connection {
        integration::Socket socket;
        std::vector<char> message;  // what is in flight
        std::size_t received = 0;   // of it
        std::uint64_t sequence = 0;
    };

    void send_next(Connection& connection, std::size_t index);
    // True when a whole message has come back.
    bool receive_some(Connection& connection, std::size_t index);

    std::vector<Connection> connections_;
    std::vector<char> buffer_;
    integration::Socket epoll_;
};

}  // namespace mynah::bench
