#include "server/ledger_database.hpp"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "server/escape.hpp"
#include "server/session_record.hpp"

namespace mynah::server {
namespace {

constexpr int kSchemaVersion = 2;

constexpr const char* kSchema = R"(
CREATE TABLE sessions (
    id INTEGER NOT NULL,
    instance TEXT NOT NULL,
    transport TEXT NOT NULL,
    peer TEXT NOT NULL,
    local TEXT NOT NULL,
    started TEXT NOT NULL,
    ended TEXT NOT NULL,
    bytes_in INTEGER NOT NULL,
    bytes_out INTEGER NOT NULL,
    discarded_after_fin INTEGER NOT NULL,
    close_reason TEXT NOT NULL,
    drain_phase TEXT NOT NULL
);
)";

// The index has the rows that name a run, and costs the others nothing.
constexpr const char* kProbeColumns = R"(
ALTER TABLE sessions ADD COLUMN probe_run TEXT;
ALTER TABLE sessions ADD COLUMN probe_connection INTEGER;
CREATE INDEX sessions_by_probe_run ON sessions (probe_run) WHERE probe_run IS NOT NULL;
PRAGMA user_version = 2;
)";

constexpr const char* kInsert = R"(
INSERT INTO sessions (id, instance, transport, peer, local, started, ended, bytes_in, bytes_out, discarded_after_fin,
                      close_reason, drain_phase, probe_run, probe_connection)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
)";

/// Binds one parameter after the other, and remembers the first failure.
class Binder {
  public:
    explicit Binder(sqlite3_stmt* statement) : statement_(statement) {}

    void text(std::string_view value) {
        // Static: the record outlives the step.
        note(sqlite3_bind_text64(statement_, ++index_, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC,
                                 SQLITE_UTF8));
    }

    void number(std::uint64_t value) {
        // SQLite's integers have a sign; a count beyond them says "at least".
        constexpr std::uint64_t kMost = std::numeric_limits<sqlite3_int64>::max();
        note(sqlite3_bind_int64(statement_, ++index_, static_cast<sqlite3_int64>(std::min(value, kMost))));
    }

    void nothing() { note(sqlite3_bind_null(statement_, ++index_)); }

    [[nodiscard]] bool good() const { return status_ == SQLITE_OK; }

  private:
    void note(int status) {
        if (status_ == SQLITE_OK) {
            status_ = status;
        }
    }

    sqlite3_stmt* statement_;
    int index_ = 0;
    int status_ = SQLITE_OK;
};

}  // namespace

void LedgerDatabase::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

void LedgerDatabase::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

LedgerDatabase::Result<LedgerDatabase> LedgerDatabase::open(const std::string& path, Options options) {
    sqlite3* opened = nullptr;
    constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const int status = sqlite3_open_v2(path.c_str(), &opened, kFlags, nullptr);
    LedgerDatabase ledger(path, Handle(opened));  // a failed open gives a handle too, for its error
    if (status != SQLITE_OK) {
        return ledger.failure("open");
    }
    const auto wait = std::clamp<std::int64_t>(options.busy_timeout.count(), 0, INT_MAX);
    sqlite3_busy_timeout(opened, static_cast<int>(wait));
    if (auto prepared = ledger.prepare_schema(std::chrono::milliseconds(wait)); !prepared) {
        return std::unexpected(std::move(prepared.error()));
    }
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(opened, kInsert, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
        return ledger.failure("prepare");
    }
    ledger.insert_.reset(statement);
    return ledger;
}

LedgerDatabase::Result<> LedgerDatabase::insert(std::span<const SessionRecord> records) {
    if (records.empty()) {
        return {};
    }
    // Immediate: the wait for other writers happens here, once, where busy_timeout applies.
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun) {
        return begun;
    }
    Result<> result;
    for (const SessionRecord& record : records) {
        result = insert_one(record);
        if (!result) {
            break;
        }
    }
    if (result) {
        result = execute("COMMIT");
    }
    if (!result) {
        roll_back();
    }
    return result;
}

LedgerDatabase::Result<> LedgerDatabase::close() {
    insert_.reset();
    if (sqlite3_close(database_.get()) != SQLITE_OK) {
        return failure("close");
    }
    [[maybe_unused]] const sqlite3* const closed = database_.release();
    return {};
}

LedgerDatabase::Result<> LedgerDatabase::prepare_schema(std::chrono::milliseconds busy_timeout) {
    const auto version = schema_version();
    if (!version) {
        return std::unexpected(version.error());
    }
    if (*version > kSchemaVersion) {
        return std::unexpected(fmt::format("cannot open ledger {}: its schema has version {}; this mynahd knows {}",
                                           escape(path_), *version, kSchemaVersion));
    }
    if (*version < kSchemaVersion) {
        if (auto brought = bring_up_to_date(); !brought) {
            return brought;
        }
    }
    // WAL: readers do not stop us, and a commit costs one append. NORMAL: a power cut may lose the last rows, but not
    // the file. Set only now: what is not a ledger must stay as it is.
    if (auto set = join_wal(busy_timeout); !set) {
        return set;
    }
    return execute("PRAGMA synchronous = NORMAL");
}

LedgerDatabase::Result<> LedgerDatabase::join_wal(std::chrono::milliseconds busy_timeout) {
    // The change of mode needs the file for itself, and where two ask for it at once SQLite answers "busy" without
    // waiting, whatever its busy timeout is: neither could yield to the other. So the loser asks again.
    constexpr int kPauseMs = 2;
    const auto give_up = std::chrono::steady_clock::now() + busy_timeout;
    auto set = execute("PRAGMA journal_mode = WAL");
    while (!set && sqlite3_errcode(database_.get()) == SQLITE_BUSY && std::chrono::steady_clock::now() < give_up) {
        sqlite3_sleep(kPauseMs);
        set = execute("PRAGMA journal_mode = WAL");
    }
    return set;
}

LedgerDatabase::Result<> LedgerDatabase::bring_up_to_date() {
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun) {
        return begun;
    }
    // Another daemon may have done it between our look and our lock.
    const auto version = schema_version();
    Result<> result;
    if (!version) {
        result = std::unexpected(version.error());
    } else if (*version == 0) {
        result = execute(kSchema);
    }
    if (result && *version < kSchemaVersion) {
        result = execute(kProbeColumns);
    }
    if (result) {
        result = execute("COMMIT");
    }
    if (!result) {
        roll_back();
    }
    return result;
}

LedgerDatabase::Result<int> LedgerDatabase::schema_version() {
    sqlite3_stmt* prepared = nullptr;
    const int status = sqlite3_prepare_v2(database_.get(), "PRAGMA user_version", -1, &prepared, nullptr);
    const Statement statement(prepared);
    if (status != SQLITE_OK || sqlite3_step(prepared) != SQLITE_ROW) {
        return failure("open");
    }
    return sqlite3_column_int(prepared, 0);
}

LedgerDatabase::Result<> LedgerDatabase::execute(const char* sql) {
    if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return failure("write to");
    }
    return {};
}

void LedgerDatabase::roll_back() {
    // Some errors, a full disk for one, have rolled back by themselves.
    if (sqlite3_get_autocommit(database_.get()) == 0) {
        sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

LedgerDatabase::Result<> LedgerDatabase::insert_one(const SessionRecord& record) {
    const std::string started = format_utc(record.started);
    const std::string ended = format_utc(record.ended);
    const std::string run = record.probe ? fmt::format("{:016x}", record.probe->run) : std::string();
    Binder bind(insert_.get());
    bind.number(record.id);
    bind.text(record.instance);
    bind.text(record.transport);
    bind.text(record.peer);
    bind.text(record.local);
    bind.text(started);
    bind.text(ended);
    bind.number(record.bytes_in);
    bind.number(record.bytes_out);
    bind.number(record.discarded_after_fin);
    bind.text(to_string(record.close_reason));
    bind.text(to_string(record.drain_phase));
    if (record.probe) {
        bind.text(run);
        bind.number(record.probe->connection);
    } else {
        bind.nothing();
        bind.nothing();
    }
    Result<> result;
    if (!bind.good() || sqlite3_step(insert_.get()) != SQLITE_DONE) {
        result = failure("write to");
    }
    sqlite3_reset(insert_.get());
    return result;
}

std::unexpected<std::string> LedgerDatabase::failure(const char* doing) const {
    std::string text = fmt::format("cannot {} ledger {}: {}", doing, escape(path_), sqlite3_errmsg(database_.get()));
    if (const int error = sqlite3_system_errno(database_.get()); error != 0) {
        text += fmt::format(" ({})", std::generic_category().message(error));
    }
    return std::unexpected(std::move(text));
}

std::string format_utc(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<microseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace mynah::server
