#include "client/watch/ledger_file.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

#include "client/command_line_values.hpp"

namespace mynah::client::watch {
namespace {

constexpr int kSchemaVersion = 2;
constexpr int kBusyTimeoutMs = 1000;

constexpr const char* kRowsOfRun =
    "SELECT probe_connection, instance, close_reason, bytes_in, bytes_out, discarded_after_fin "
    "FROM sessions WHERE probe_run = ?1 ORDER BY rowid";

struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, Close>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

/// A name as a URI, in which SQLite takes parameters. Immutable: nobody writes. A file in WAL mode needs two more
/// beside it while it is read, and whoever may only read leaves them there as his own. So without that a reader of
/// another user would keep the server from its ledger, and one who may not write to the folder could not read.
std::string uri_of(const std::string& path, bool immutable) {
    std::string uri = "file:";
    for (const char byte : path) {
        const bool is_special = byte == '%' || byte == '?' || byte == '#';
        uri += is_special ? fmt::format("%{:02x}", static_cast<unsigned char>(byte)) : std::string(1, byte);
    }
    return uri + (immutable ? "?mode=ro&immutable=1" : "?mode=ro");
}

class OpenLedger {
  public:
    OpenLedger(const std::string& path, bool immutable) : path_(path) {
        sqlite3* opened = nullptr;
        constexpr int kFlags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
        status_ = sqlite3_open_v2(uri_of(path, immutable).c_str(), &opened, kFlags, nullptr);
        database_.reset(opened);  // a failed open gives a handle too, for its error
        if (status_ == SQLITE_OK) {
            sqlite3_busy_timeout(opened, kBusyTimeoutMs);
            read_version();
        }
    }

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool good() const { return status_ == SQLITE_OK; }
    [[nodiscard]] int version() const { return version_; }

    [[nodiscard]] Statement prepare(const char* sql) {
        sqlite3_stmt* prepared = nullptr;
        status_ = sqlite3_prepare_v2(database_.get(), sql, -1, &prepared, nullptr);
        return Statement(prepared);
    }

    /// True: there is a row.
    bool step(const Statement& statement) {
        const int step = sqlite3_step(statement.get());
        status_ = step == SQLITE_ROW || step == SQLITE_DONE ? SQLITE_OK : step;
        return step == SQLITE_ROW;
    }

    [[nodiscard]] std::string failure() const {
        std::string text = fmt::format("cannot read ledger {}: {}", printable(path_), sqlite3_errmsg(database_.get()));
        if (const int error = sqlite3_system_errno(database_.get()); error != 0) {
            text += fmt::format(" ({})", std::generic_category().message(error));
        }
        return text;
    }

  private:
    void read_version() {
        const Statement statement = prepare("PRAGMA user_version");
        if (good() && step(statement)) {
            version_ = sqlite3_column_int(statement.get(), 0);
        }
    }

    const std::string& path_;
    Handle database_;
    int status_ = SQLITE_OK;
    int version_ = 0;
};

/// Somebody writes, and has its log beside the file.
bool is_in_use(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(path + "-wal", ignored) || std::filesystem::exists(path + "-journal", ignored);
}

std::string text_at(const Statement& statement, int column) {
    const void* bytes = sqlite3_column_blob(statement.get(), column);
    const auto count = static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), count);
}

/// A negative number, which mynahd does not write, becomes one that no account can have.
std::uint64_t count_at(const Statement& statement, int column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), column));
}

std::string wrong_version(const std::string& path, int version) {
    return fmt::format("cannot read ledger {}: its schema has version {}; this mynah knows {}", printable(path),
                       version, kSchemaVersion);
}

std::expected<std::vector<LedgerRow>, std::string> rows_of(const std::string& path, std::uint64_t run, bool in_use) {
    OpenLedger ledger(path, !in_use);
    if (!ledger.good()) {
        return std::unexpected(ledger.failure());
    }
    if (ledger.version() != kSchemaVersion) {
        return std::unexpected(wrong_version(path, ledger.version()));
    }
    const Statement statement = ledger.prepare(kRowsOfRun);
    const std::string run_text = fmt::format("{:016x}", run);
    if (!ledger.good() || sqlite3_bind_text(statement.get(), 1, run_text.c_str(), -1, SQLITE_STATIC) != SQLITE_OK) {
        return std::unexpected(ledger.failure());
    }
    std::vector<LedgerRow> rows;
    while (ledger.step(statement)) {
        rows.push_back({.connection = count_at(statement, 0),
                        .instance = text_at(statement, 1),
                        .close_reason = text_at(statement, 2),
                        .bytes_in = count_at(statement, 3),
                        .bytes_out = count_at(statement, 4),
                        .discarded_after_fin = count_at(statement, 5)});
    }
    if (!ledger.good()) {
        return std::unexpected(ledger.failure());
    }
    return rows;
}

}  // namespace

std::expected<std::vector<LedgerRow>, std::string> read_ledger(const std::string& path, std::uint64_t run) {
    const bool in_use = is_in_use(path);
    auto rows = rows_of(path, run, in_use);
    if (!in_use && is_in_use(path)) {
        rows = rows_of(path, run, true);  // somebody began to write while we thought that nobody would
    }
    return rows;
}

std::optional<std::string> check_ledger(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
        const std::filesystem::path folder = std::filesystem::absolute(path, error).parent_path();
        if (std::filesystem::is_directory(folder, error)) {
            return std::nullopt;
        }
        return fmt::format("there is no folder {}, so no ledger in it", printable(folder.string()));
    }
    OpenLedger ledger(path, !is_in_use(path));
    if (!ledger.good()) {
        return ledger.failure();
    }
    if (ledger.version() < 0 || ledger.version() > kSchemaVersion) {
        return wrong_version(path, ledger.version());
    }
    const Statement tables = ledger.prepare("SELECT count(*) FROM sqlite_schema");
    const bool is_empty = ledger.good() && ledger.step(tables) && sqlite3_column_int(tables.get(), 0) == 0;
    if (ledger.version() == 0 && !is_empty) {
        return fmt::format("{} is a database, but no ledger of mynahd", printable(path));
    }
    return std::nullopt;
}

}  // namespace mynah::client::watch
