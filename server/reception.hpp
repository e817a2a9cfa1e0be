// reception.hpp -- how connections come in: listener tasks, the channel, one worker task per worker, sessions.
// What     each listener task accepts, asks the limits, and sends the connection down a channel. The worker tasks take
//          turns to receive from it, go to their worker, and start a session there.
// Threads  members are called by the daemon's tasks; they outlive all tasks that they start.
// Order    stop(): what is queued in the kernel is accepted (a backlog's worth: peers may keep coming), what is in the
//          channel is served; then nothing comes any more.
// Errors   a lack of descriptors is logged once a second and waited out; refusals are counted by reason.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "conc/channel.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "server/configuration.hpp"
#include "server/ledger.hpp"
#include "server/limits.hpp"
#include "server/log_throttle.hpp"
#include "server/session.hpp"
#include "server/session_set.hpp"

namespace mynah::server {

/// A connection on its way from its listener to its session.
struct Accepted {
    net::Stream stream;
    ConnectionLimits::Ticket ticket;
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
    };

    explicit Reception(Surroundings surroundings);
    Reception(const Reception&) = delete;
    Reception& operator=(const Reception&) = delete;

    void start(std::vector<net::Listener> listeners);

    /// Returns once every connection that was queued has its session.
    conc::Task<void> stop();

    /// co_await: returns once every session has ended. Call it after stop().
    conc::WaitGroup::WaitAwaiter sessions_ended() noexcept { return sessions_.wait(); }

    std::uint64_t refused() const noexcept { return refused_.load(); }

  private:
    static constexpr int kLastAccepts = 4096;  // after stop(): no more than a backlog holds

    conc::Task<void> listen(net::Listener* listener);
    conc::Task<void> hand_over(net::Stream stream);
    conc::Task<void> work(conc::EventSource* home);
    conc::Task<void> host(Accepted accepted);
    void refuse(std::string_view reason, const std::string& peer);

    Surroundings around_;
    SessionLimits session_limits_;
    std::string instance_;
    ConnectionLimits limits_;
    std::vector<net::Listener> listeners_;
    conc::Channel<Accepted> accepted_{kQueued};
    conc::CancelableContext accepting_;
    conc::WaitGroup listener_tasks_;
    conc::WaitGroup worker_tasks_;
    conc::WaitGroup sessions_;
    std::atomic<std::uint64_t> next_id_{1};
    std::atomic<std::uint64_t> refused_{0};
    LogThrottle refusals_;
    LogThrottle failures_;

    static constexpr std::size_t kQueued = 128;
};

}  // namespace mynah::server
