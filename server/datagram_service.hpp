// datagram_service.hpp -- the echo over UDP: one task for each socket, on the worker that the socket belongs to.
// What     receives a batch, drops what must not be echoed, sends the rest back as it came: nothing else is ever sent.
// Drain    stop(): what is queued is still echoed (so much of it as a flood could not make endless); from then on what
//          comes is counted as late, and no longer echoed, until finish().
// Threads  members are called by the daemon's tasks; totals() from anywhere.
// Bounds   one batch of a socket at a time, in one lent buffer; an idle socket has none. A full send queue is waited
//          for kSendPatience at most.
// Errors   counted by reason, and what someone should look at is logged once a second at most.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conc/event_source.hpp"
#include "conc/task.hpp"
#include "conc/wait_group.hpp"
#include "net/datagram.hpp"
#include "net/datagram_batch.hpp"
#include "server/configuration.hpp"
#include "server/count.hpp"
#include "server/datagram_guard.hpp"
#include "server/fault/datagram_faults.hpp"
#include "server/fault/listener_faults.hpp"
#include "server/ledger.hpp"
#include "server/listening.hpp"
#include "server/log_throttle.hpp"
#include "server/session_record.hpp"
#include "server/source_limiter.hpp"

namespace mynah::server {

/// Why a datagram was not echoed.
enum class DatagramDrop {
    guard,          // from a port whose service would answer: datagram_guard.hpp
    broadcast,      // sent to a broadcast or multicast address: many would answer
    rate,           // its source is over udp.rate
    truncated,      // longer than udp.largest_datagram
    send_queue,     // the send queue was full, for longer than we wait
    send_error,     // the kernel refused it
    late,           // came when the drain had closed the listeners
    receive_queue,  // dropped by the kernel: it came faster than we received. These are not among those received.
};
inline constexpr std::size_t kDatagramDrops = 8;

[[nodiscard]] std::string_view to_string(DatagramDrop drop);

struct DatagramTotals {
    std::uint64_t received = 0;
    std::uint64_t echoed = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t bytes_late = 0;
    std::array<std::uint64_t, kDatagramDrops> dropped{};

    std::uint64_t count(DatagramDrop drop) const { return dropped[static_cast<std::size_t>(drop)]; }
};

class DatagramService {
  public:
    /// What it works for; all of it outlives the service.
    struct Surroundings {
        const Configuration& configuration;
        Ledger* ledger;  // nullptr: off
        const std::atomic<DrainPhase>& phase;
        const std::vector<conc::EventSource*>& workers;
        std::function<std::uint64_t()> next_id;  // for the ledger's rows
        Faults* faults = nullptr;                // nullptr: none
    };

    explicit DatagramService(Surroundings surroundings);
    DatagramService(const DatagramService&) = delete;
    DatagramService& operator=(const DatagramService&) = delete;

    void start(std::vector<DatagramDoor> doors);

    /// Returns once what was queued has been echoed.
    conc::Task<void> stop();

    /// Returns once the sockets are closed, and their rows are with the ledger. Call it after stop().
    conc::Task<void> finish();

    bool is_idle() const noexcept { return doors_.empty(); }
    DatagramTotals totals() const;

    /// One line with all totals, where there is any socket.
    void report() const;

  private:
    static constexpr int kLastBatches = 64;  // after stop() or finish()
    static constexpr std::chrono::milliseconds kSendPatience{100};

    /// A socket and what became of its datagrams; the counters are written by its task alone.
    struct Door {
        explicit Door(DatagramDoor opened) : socket(std::move(opened.socket)), worker(opened.worker) {}

        net::DatagramSocket socket;
        std::size_t worker;
        std::string local = {};
        std::chrono::system_clock::time_point started = {};
        Count received = {};
        Count echoed = {};
        Count bytes_in = {};
        Count bytes_out = {};
        Count bytes_late = {};
        std::array<Count, kDatagramDrops> dropped = {};
        mutable std::mutex closing = {};              // held to close the socket, and to ask it what the kernel dropped
        std::unique_ptr<DatagramFaults> faults = {};  // nullptr: none

        void drop(DatagramDrop why, std::uint64_t many = 1) { dropped[static_cast<std::size_t>(why)].add(many); }
    };

    conc::Task<void> serve(Door* door);
    conc::Task<void> echo_until_stopped(Door* door);
    conc::Task<void> echo(Door* door, net::DatagramBatch batch);
    conc::Task<void> echo_with_faults(Door* door);
    conc::Task<void> send_ready(Door* door);
    void count_sent(Door& door, const net::DatagramsSent& sent);
    conc::Task<void> count_until_finished(Door* door);
    void drop_unwanted(Door& door, net::DatagramBatch& batch);
    std::optional<DatagramDrop> judge(const net::DatagramBatch& batch, std::size_t index, std::int64_t now_ns);
    conc::Task<void> rest_after(const Door* door, std::error_code error);
    void close(Door& door);

    Surroundings around_;
    std::deque<Door> doors_;
    std::optional<DatagramGuard> guard_;
    SourceLimiter limiter_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> finishing_{false};
    conc::WaitGroup echoing_;
    conc::WaitGroup tasks_;
    LogThrottle failures_;
};

}  // namespace mynah::server
