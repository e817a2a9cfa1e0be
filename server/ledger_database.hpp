// ledger_database.hpp -- the ledger's SQLite file.
// What     open(path) creates or joins the database; insert(records) adds one row for each, all of them or none.
// Threads  one at a time, not always the same one. Calls block on the disk, and on other writers for busy_timeout at
//          most: keep them off the workers.
// Shared   several daemons may write to one file: it is in WAL mode, and rows name their instance.
// Errors   values: a line of text with the path and SQLite's reason. After a failed insert the database is as it was
//          before, and the next may succeed.
// Schema   table `sessions`, version 2 (PRAGMA user_version). A file of version 1 gets the columns that it lacks when
//          it is opened; one of a later version, or one that is not a ledger, is refused and left alone. `started` and
//          `ended` are UTC, ISO 8601 with microseconds, "2026-01-31T12:00:00.000000Z": they sort as text, and SQLite's
//          date functions read them. `probe_run` (16 hexadecimal digits, as SQLite's integers have a sign) and
//          `probe_connection` name a stream of probe frames (net/probe_stream.hpp); of others they are NULL.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "server/session_record.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace mynah::server {

class LedgerDatabase {
  public:
    struct Options {
        std::chrono::milliseconds busy_timeout{5000};
    };

    template <class T = void>
    using Result = std::expected<T, std::string>;

    [[nodiscard]] static Result<LedgerDatabase> open(const std::string& path, Options options);
    [[nodiscard]] static Result<LedgerDatabase> open(const std::string& path) { return open(path, Options{}); }

    LedgerDatabase(LedgerDatabase&&) noexcept = default;
    LedgerDatabase& operator=(LedgerDatabase&&) noexcept = default;
    ~LedgerDatabase() = default;  // closes

    /// One transaction. A reason that fails one record fails them all.
    [[nodiscard]] Result<> insert(std::span<const SessionRecord> records);

    /// Folds the write-ahead log into the file, if no other has it open, and lets go of it. Only destruction may
    /// follow.
    [[nodiscard]] Result<> close();

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    struct Close {
        void operator()(sqlite3* database) const;
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;
    using Handle = std::unique_ptr<sqlite3, Close>;

    LedgerDatabase(std::string path, Handle database) : path_(std::move(path)), database_(std::move(database)) {}

    Result<> prepare_schema(std::chrono::milliseconds busy_timeout);
    Result<> join_wal(std::chrono::milliseconds busy_timeout);
    Result<> bring_up_to_date();
    Result<int> schema_version();
    Result<> execute(const char* sql);
    void roll_back();
    Result<> insert_one(const SessionRecord& record);
    std::unexpected<std::string> failure(const char* doing) const;

    std::string path_;
    Handle database_;
    Statement insert_;  // after database_: finalized before it is closed
};

/// "2026-01-31T12:00:00.000000Z"
[[nodiscard]] std::string format_utc(std::chrono::system_clock::time_point time);

}  // namespace mynah::server
