// haproxy.hpp -- a real HAProxy in front of several mynahd, as config/haproxy.cfg says.
//
// What     Haproxy starts the program with that file, in which it puts the ports of this test in place of those there,
//          and a shorter interval of checks.
// Threads  that of the test.
// Errors   a HAProxy that does not start fails the test and throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/daemon.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/process.hpp"

namespace mynah::integration {

class Haproxy {
  public:
    static constexpr int kFall = 2;  // bad answers in a row, as the file has it

    struct Server {
        std::uint16_t port;  // of 127.0.0.1
        std::uint16_t admin_port;
    };

    // Three servers, which are called "echo-1" to "echo-3"; each is asked every `interval`.
    Haproxy(const std::vector<Server>& servers, std::chrono::milliseconds interval);

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

    // What HAProxy thinks of a server: "UP", "DOWN", or on its way, "UP 1/2".
    [[nodiscard]] std::string status(const std::string& server) const { return figure(server, "status"); }

    // A column of HAProxy's statistics ("show stat") for a server, or for "BACKEND": all of them. Empty: there is none.
    [[nodiscard]] std::string figure(const std::string& server, const std::string& column) const;

  private:
    bool start(const std::vector<Server>& servers, std::chrono::milliseconds interval);

    ScratchFolder scratch_;
    Endpoint endpoint_;
    std::unique_ptr<Process> process_;
};

// The text of config/haproxy.cfg with `changes` made: pairs of what stands there, once, and what is to.
std::string changed_configuration(const std::vector<std::pair<std::string, std::string>>& changes);

}  // namespace mynah::integration
