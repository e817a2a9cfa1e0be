// ledger.hpp -- keeps the record of every session, off the workers.
// What     record() passes a SessionRecord to the one task that writes: it opens the database with the first record
//          (through OnceValue), and writes what has gathered since in one transaction on the blocking pool.
// Threads  record: from any worker, never waits. run and close: from the daemon.
// Errors   logged (at most one line a second) and counted: a ledger that fails costs rows, never the service.
//          A database that cannot be opened is not tried again. While the daemon stops, the first failure ends it.
// Bounds   kQueued records wait at most; those beyond are counted as lost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "conc/channel.hpp"
#include "conc/once.hpp"
#include "conc/task.hpp"
#include "server/ledger_database.hpp"
#include "server/log_throttle.hpp"
#include "server/session_record.hpp"

namespace mynah::server {

class Ledger {
  public:
    explicit Ledger(std::string path);
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    void record(SessionRecord record);

    /// Writes until close() was called and everything before it is in the database.
    conc::Task<void> run();

    /// No record comes after this.
    void close() {
        closing_.store(true);
        queue_.close();
    }

    std::uint64_t written() const noexcept { return written_.load(); }
    std::uint64_t lost() const noexcept { return lost_.load(); }

    /// Records that are neither written nor lost yet.
    std::uint64_t queued() const noexcept {
        const std::uint64_t done = written() + lost();  // first: what is done was recorded before
        return recorded_.load() - done;
    }

  private:
    static constexpr std::size_t kQueued = 16'384;
    static constexpr std::size_t kBatch = 512;

    using Opened = std::expected<LedgerDatabase, std::string>;

    conc::Task<void> write(std::vector<SessionRecord> batch);
    void lose(std::size_t records, const std::string& why);

    std::string path_;
    conc::Channel<SessionRecord> queue_{kQueued};
    conc::OnceValue<Opened> database_;
    LogThrottle throttle_;
    std::atomic<bool> closing_{false};
    bool gave_up_ = false;  // by run() alone
    std::atomic<std::uint64_t> recorded_{0};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> lost_{0};
};

}  // namespace mynah::server
