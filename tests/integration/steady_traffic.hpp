// steady_traffic.hpp -- clients that go on while a test does something to the servers.
//
// What     some connections are kept, each of which sends a little, again and again, and is replaced when the other
//          side ends it; and short ones come and go, a hundred a second: each sends its bytes, and is done once it has
//          them all back. Every byte is verified.
// Threads  a thread of its own drives them; the members are for the test's.
// Errors   what happens to the connections is counted, and judged by the test.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <thread>

#include "tests/integration/echo_client.hpp"
#include "tests/integration/endpoint.hpp"
#include "tests/integration/patience.hpp"

namespace mynah::integration {

struct TrafficReport {
    std::size_t kept_ended = 0;       // by the other side's FIN
    std::size_t kept_ended_owed = 0;  // of these, with bytes on their way that did not come back
    std::size_t short_done = 0;
    std::size_t failed = 0;      // reset, refused, or a short one that ended without all of its bytes
    std::size_t mismatched = 0;  // other bytes came back than were sent
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
};

class SteadyTraffic {
  public:
    SteadyTraffic(Endpoint endpoint, std::size_t kept);
    SteadyTraffic(const SteadyTraffic&) = delete;
    SteadyTraffic& operator=(const SteadyTraffic&) = delete;
    ~SteadyTraffic();

    // Short connections that are done so far.
    [[nodiscard]] std::size_t short_done() const { return short_done_.load(); }

    // Ends every connection in order, and tells of all of them.
    TrafficReport stop();

  private:
    struct Client {
        EchoConnection connection;
        bool is_short;
    };

    void run();
    void add(bool is_short);
    void round();
    void note_end(const Client& client);

    Endpoint endpoint_;
    std::size_t kept_;
    std::list<Client> clients_;  // by the thread alone, like all that follows
    std::uint64_t next_seed_ = 1;
    Clock::time_point next_short_ = Clock::now();
    TrafficReport report_;
    std::atomic<std::size_t> short_done_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace mynah::integration
