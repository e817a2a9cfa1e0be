// reception.hpp -- how connections come in: listener tasks, a channel and a task for each worker, sessions.
// What     each listener task accepts, asks the limits, and sends the connection down the channel of the worker that
//          has the fewest sessions. That worker's task receives it, makes the worker the connection's home, and starts
//          a session there. A listener that belongs to one worker (listener.reuse_port) hands nothing over: its
//          connections are served where they are accepted.
// Threads  members are called by the daemon's tasks; they outlive all tasks that they start.
// Order    stop(): what is queued in the kernel is accepted (a backlog's worth: peers may keep coming), what is in the
//          channel is served; then nothing comes any more.
// Errors   a lack of descriptors is logged once a second and waited out; refusals are counted by reason.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/address.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/count.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/ledger.hpp"
#include "server/limits.hpp"
#include "server/listening.hpp"
#include "server/log_throttle.hpp"
#include "server/session.hpp"
#include "server/session_set.hpp"
#include "server/traffic.hpp"
#include "server/worker_loads.hpp"

namespace mynah::server {

/// How many connections a listener has accepted; the sockets of an address are one.
struct AcceptedCount {
    std::string listener;  // as stdout says it: "tcp://127.0.0.1:7007"
    net::Transport transport;
    std::uint64_t connections;
};

/// A connection with its place among the others.
struct Connection {
    net::Stream stream;
    ConnectionLimits::Ticket ticket;
    WorkerLoads::Seat seat;
};

/// A connection on its way from its listener to its session.
struct Accepted {
    Connection connection;
    std::unique_ptr<SessionFaults> faults;  // nullptr: none
};

class Reception {
  public:
    /// What it works for; all of it outlives the Reception.
    struct Surroundings {
        const Configuration& configuration;
        SessionSet& sessions;
        Ledger* ledger;  // nullptr: off
        const std::atomic<DrainPhase>& phase;
        const std::vector<conc::EventSource*>& workers;
        Faults* faults = nullptr;  // nullptr: none
    };

    explicit Reception(Surroundings surroundings);
    Reception(const Reception&) = delete;
    Reception& operator=(const Reception&) = delete;

    void start(std::vector<StreamDoor> doors);

    /// Returns once every connection that was queued has its session.
    conc::Task<void> stop();

    /// co_await: returns once every session has ended. Call it after stop().
    conc::WaitGroup::WaitAwaiter sessions_ended() noexcept { return sessions_.wait(); }

    std::uint64_t refused() const noexcept;
    std::uint64_t refused(Refusal why) const noexcept { return refused_[static_cast<std::size_t>(why)].load(); }

    /// Of each listener, in their order, those that were refused afterwards among them. Once start() has returned.
    std::vector<AcceptedCount> accepted() const;

    /// The bytes of all sessions.
    const Traffic& traffic() const noexcept { return traffic_; }

    /// Connections of each worker: its sessions, and those that are on their way to it.
    std::vector<std::size_t> loads() const { return loads_.open(); }

    /// The next row's id in the ledger.
    std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  private:
    class Hosting;
    class FaultyHosting;

    struct Door {
        explicit Door(StreamDoor opened)
            : listener(std::move(opened.listener)),
              worker(opened.worker),
              configured(opened.configured),
              local(listener.local()) {}

        net::Listener listener;
        std::optional<std::size_t> worker;
        std::size_t configured;
        net::Address local;
        Count accepted;  // by its listener task
    };

    static constexpr int kLastAccepts = 4096;  // after stop(): no more than a backlog holds

    conc::Task<void> listen(Door* door);
    conc::Task<void> hand_over(net::Stream stream, const Door* door);
    conc::Task<void> work(std::size_t worker);
    void begin(Accepted accepted);
    const SessionLimits* limits_of(net::Transport transport, std::size_t worker) const;
    std::unique_ptr<SessionFaults> faults_of(net::Stream& stream, const Door& door);
    void refuse(Refusal why, std::string_view reason, const std::string& peer);

    Surroundings around_;
    Traffic traffic_;
    std::vector<SessionLimits> tcp_limits_;  // by worker: they differ in where the bytes are counted
    std::vector<SessionLimits> unix_limits_;
    std::string instance_;
    ConnectionLimits limits_;
    WorkerLoads loads_;
    std::deque<Door> doors_;                         // all of them, once start() has returned
    std::vector<conc::Channel<Accepted>> accepted_;  // by worker
    conc::CancelableContext accepting_;
    conc::WaitGroup listener_tasks_;
    conc::WaitGroup worker_tasks_;
    conc::WaitGroup sessions_;
    std::atomic<std::uint64_t> next_id_{1};
    std::array<std::atomic<std::uint64_t>, kRefusals> refused_{};
    LogThrottle refusals_;
    LogThrottle failures_;

    static constexpr std::size_t kQueued = 128;
};

}  // namespace mynah::server
