// engine.hpp -- a closed loop of load: on each connection one message at a time, the next as soon as it is back.
//
// What     start() sends the first message on each; run() goes on for so long, at least until one is back, and says how
//          many were; finish() takes what is in flight, and sends no more.
// Threads  one: who calls.
// Order    start, run as often as wanted, finish.
// Errors   std::runtime_error when a connection ends, a byte is wrong, or nothing comes back for ten seconds.
// Cost     the load must cost less than the service, or it would measure itself. For small messages io_uring is the
//          cheaper engine: one system call sends all that are due and fetches all that has come. The other one is for
//          large messages, and for machines that have no io_uring.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/net/latency.hpp"
#include "tests/bench/net/message.hpp"
#include "tests/integration/endpoint.hpp"

namespace mynah::bench {

using Clock = std::chrono::steady_clock;

struct Counted {
    std::uint64_t messages = 0;
    std::chrono::duration<double> elapsed{};
    Latency latency;
};

class Engine {
  public:
    struct Options {
        std::size_t message_bytes = 64;
        bool spins = false;  // never sleeps: then no server pays for waking it
    };

    Engine(const std::vector<integration::Socket>& sockets, Options options);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    virtual ~Engine() = default;

    void start();
    Counted run(Clock::duration duration);
    void finish();

  protected:
    static constexpr std::chrono::seconds kStall{10};

    /// Sends these bytes, which stay until their echo is there, and from the first time on receives.
    virtual void transmit(std::size_t connection, std::span<const char> bytes) = 0;
    /// Waits (unless it spins) at most a little longer than kStall. False: nothing has come.
    virtual bool wait() = 0;
    /// Calls arrived() with all that wait() found.
    virtual void collect() = 0;

    void arrived(std::size_t connection, std::span<const char> echoed);
    [[nodiscard]] const Options& options() const { return options_; }

    [[noreturn]] static void fail(std::size_t connection, const std::string& what);

  private:
    void step();
    void send(std::size_t connection);

    Options options_;
    std::vector<Message> messages_;
    std::vector<Clock::time_point> sent_;
    Clock::time_point now_;
    Clock::time_point last_arrival_;
    Counted* counted_ = nullptr;
    std::size_t in_flight_ = 0;
    bool finishing_ = false;
};

/// The sockets stay the caller's, and must outlive it. Throws where the kernel refuses io_uring.
std::unique_ptr<Engine> make_uring_engine(const std::vector<integration::Socket>& sockets, Engine::Options options);
std::unique_ptr<Engine> make_epoll_engine(const std::vector<integration::Socket>& sockets, Engine::Options options);

}  // namespace mynah::bench
