#include "tests/integration/ledger_file.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace mynah::integration {

namespace {

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinishStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

std::string text_at(sqlite3_stmt* statement, int column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
    const auto count = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    return bytes == nullptr ? std::string() : std::string(bytes, count);
}

std::uint64_t count_at(sqlite3_stmt* statement, int column) {
    const sqlite3_int64 value = sqlite3_column_int64(statement, column);
    if (value < 0) {
        throw std::runtime_error("a negative count in the ledger");
    }
    return static_cast<std::uint64_t>(value);
}

}  // namespace

std::uint16_t LedgerRow::peer_port() const {
    return static_cast<std::uint16_t>(std::stoul(peer.substr(peer.rfind(':') + 1)));
}

std::vector<LedgerRow> read_ledger(const std::string& path) {
    sqlite3* opened = nullptr;
    const int open_result = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
    const std::unique_ptr<sqlite3, CloseDatabase> database(opened);
    if (open_result != SQLITE_OK) {
        throw std::runtime_error("cannot open " + path + ": " + sqlite3_errmsg(opened));
    }
    constexpr const char* kQuery =
        "SELECT instance, transport, peer, local, bytes_in, bytes_out, discarded_after_fin, close_reason, drain_phase "
        "FROM sessions ORDER BY id";
    sqlite3_stmt* prepared = nullptr;
    const int prepare_result = sqlite3_prepare_v2(database.get(), kQuery, -1, &prepared, nullptr);
    const std::unique_ptr<sqlite3_stmt, FinishStatement> statement(prepared);
    if (prepare_result != SQLITE_OK) {
        throw std::runtime_error("cannot read " + path + ": " + sqlite3_errmsg(database.get()));
    }
    std::vector<LedgerRow> rows;
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
        rows.push_back({.instance = text_at(prepared, 0),
                        .transport = text_at(prepared, 1),
                        .peer = text_at(prepared, 2),
                        .local = text_at(prepared, 3),
                        .bytes_in = count_at(prepared, 4),
                        .bytes_out = count_at(prepared, 5),
                        .discarded_after_fin = count_at(prepared, 6),
                        .close_reason = text_at(prepared, 7),
                        .drain_phase = text_at(prepared, 8)});
    }
    if (step != SQLITE_DONE) {
        throw std::runtime_error("cannot read " + path + ": " + sqlite3_errmsg(database.get()));
    }
    return rows;
}

}  // namespace mynah::integration
