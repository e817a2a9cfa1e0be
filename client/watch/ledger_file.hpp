// ledger_file.hpp -- reads what mynahd's ledger says of one run: the rows of its connections.
//
// What     An SQLite file, table `sessions`, schema version 2. It is opened for reading only, and closed again by each
//          call, which leaves nothing behind. mynahd makes the file when its first session ends, so that before it may
//          not be there, or be of version 1, which has no runs: then check_ledger() is content.
// Threads  any. Calls block on the disk, and on whoever writes, for a second at most: keep them off the scheduler.
// Errors   one line of text, fit for a terminal, with the path and the reason.
// Cost     rows of a run are found by an index.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace mynah::client::watch {

/// Bytes, as the server counts them: server/session_record.hpp explains each.
struct LedgerRow {
    std::uint64_t connection = 0;
    std::string instance = {};
    std::string close_reason = {};
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t discarded_after_fin = 0;

    friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

/// In the order in which they were written.
std::expected<std::vector<LedgerRow>, std::string> read_ledger(const std::string& path, std::uint64_t run);

/// Why no mynahd could have its ledger there: for a user who has typed the path a minute ago.
std::optional<std::string> check_ledger(const std::string& path);

}  // namespace mynah::client::watch
