// target.hpp -- the server under load, and connections to it.
//
// What     Target parses what a server prints (`tcp://127.0.0.1:43121`, `udp://...`); connect() makes one connection;
//          end_all() ends many, each with a FIN, and waits for the server's.
// Threads  any one.
// Errors   std::runtime_error, with what errno says, or when bytes come that nobody asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

class Target {
  public:
    static Target parse(std::string_view text);

    [[nodiscard]] bool datagrams() const { return datagrams_; }

    /// A connected socket that does not block. Each comes from the next of 250 loopback addresses, so that connections
    /// which were closed a moment ago do not use up the ports.
    integration::Socket connect();

  private:
    integration::Endpoint endpoint_;
    bool datagrams_ = false;
    std::uint32_t made_ = 0;
};

/// Half-closes them all first, as that is quicker.
void end_all(std::vector<integration::Socket>& sockets);

/// The server's FIN has to be next, and is waited for.
void expect_end(const integration::Socket& socket);

[[noreturn]] void fail_with_errno(const std::string& what);

}  // namespace mynah::bench
