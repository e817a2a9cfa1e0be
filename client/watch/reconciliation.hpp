// reconciliation.hpp -- the client's account of its connections against the ledgers of the servers.
//
// What     Each connection is joined with the row that names it, and every byte of it that was not echoed gets a class:
//          where on its way was it lost? With what was sent (S), echoed (E), and received in all (C) here, and bytes in
//          (R), discarded after the FIN (D) and bytes out (W) there:
//            never_read           S - R - D    it did not reach the server, or the server ended before it
//            discarded_after_fin  D            the server read it after its own FIN, and said nothing
//            not_written          R - W        the server had read it, and did not write it back
//            not_received         W - C        the server wrote it; the network, or what stands between, lost it
//            came_otherwise       C - E        it came back changed, or twice, or out of its place
//            unexplained                       no row tells of the connection, or one that cannot be true
//          Where W exceeds R, bytes were added by the server, and where C exceeds W, on the way: they stand against the
//          losses, so that not_echoed + added_by_server + added_on_the_way is always the sum of the classes.
// Threads  any: values and pure functions.
// Errors   none: a row that contradicts the account is a Contradiction, and decides nothing.
// Memory   linear in the connections; the lists of the result are bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/ledger_file.hpp"
#include "client/watch/records.hpp"

namespace mynah::client::watch {

/// What one --ledger has of this run; or why it could not be read.
struct LedgerContent {
    std::string name = {};  // as it was typed
    std::expected<std::vector<LedgerRow>, std::string> rows = {};
};

/// All are bytes.
struct LossPlaces {
    std::uint64_t not_echoed = 0;
    std::uint64_t never_read = 0;
    std::uint64_t discarded_after_fin = 0;
    std::uint64_t not_written = 0;
    std::uint64_t not_received = 0;
    std::uint64_t came_otherwise = 0;
    std::uint64_t unexplained = 0;
    std::uint64_t added_by_server = 0;
    std::uint64_t added_on_the_way = 0;

    bool adds_up() const noexcept {
        return not_echoed + added_by_server + added_on_the_way ==
               never_read + discarded_after_fin + not_written + not_received + came_otherwise + unexplained;
    }
    LossPlaces& operator+=(const LossPlaces& other) noexcept;
    friend bool operator==(const LossPlaces&, const LossPlaces&) = default;
};

/// A connection and its row.
struct Reconciled {
    std::uint64_t connection = 0;
    std::uint64_t sent = 0;      // bytes, by our account
    std::uint64_t echoed = 0;    // likewise
    std::uint64_t received = 0;  // likewise
    std::string ledger = {};
    LedgerRow row = {};
    LossPlaces places = {};
};

struct WithoutRow {
    std::uint64_t connection = 0;
    std::size_t lane = 0;
    std::uint64_t sent = 0;
    std::uint64_t echoed = 0;
};

/// A row that cannot be true.
struct Contradiction {
    std::uint64_t connection = 0;
    std::string ledger = {};
    std::string text = {};  // "the server claims 300 bytes, and 256 bytes were sent"
};

struct LedgerSource {
    std::string name = {};
    std::uint64_t rows = 0;
    std::string error = {};  // empty: it could be read
};

struct Reconciliation {
    static constexpr std::size_t kConnectionsKept = 1000;
    static constexpr std::size_t kProblemsKept = 100;

    std::vector<LedgerSource> ledgers = {};
    LossPlaces places = {};
    std::uint64_t beyond = 0;  // connections that the account has no record of, as there were too many
    Bounded<Reconciled> connections{.limit = kConnectionsKept};
    Bounded<WithoutRow> without_row{.limit = kProblemsKept};
    Bounded<Contradiction> contradictions{.limit = kProblemsKept};

    /// Every byte has its place, and no row contradicts the account. A ledger that could not be read matters only where
    /// rows are missing: that of a server without sessions is not there.
    bool is_balanced() const noexcept;
};

/// `whole`: the bytes of all connections, also of those that `connections` has left out.
Reconciliation reconcile(const Bounded<ConnectionRecord>& connections, const ByteCounts& whole,
                         const std::vector<LedgerContent>& ledgers);

/// How many connections have sent bytes and have no row yet.
std::uint64_t count_missing(const Bounded<ConnectionRecord>& connections, const std::vector<LedgerContent>& ledgers);

}  // namespace mynah::client::watch
