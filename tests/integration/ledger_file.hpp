// ledger_file.hpp -- the rows of a ledger, read with SQLite alone.
//
// What     read_ledger opens the database read-only and returns every session in it.
// Threads  any.
// Errors   std::runtime_error with SQLite's message.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mynah::integration {

struct LedgerRow {
    std::string instance;
    std::string transport;
    std::string peer;
    std::string local;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t discarded_after_fin = 0;
    std::string close_reason;
    std::string drain_phase;

    // The port at the end of `peer`.
    [[nodiscard]] std::uint16_t peer_port() const;
};

std::vector<LedgerRow> read_ledger(const std::string& path);

}  // namespace mynah::integration
