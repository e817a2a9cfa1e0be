#include "client/watch/reconciliation.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/counted.hpp"
#include "client/watch/account.hpp"
#include "client/watch/byte_counts.hpp"
#include "client/watch/ledger_file.hpp"
#include "client/watch/records.hpp"

namespace mynah::client::watch {
namespace {

struct Claim {
    const LedgerContent* ledger = nullptr;
    const LedgerRow* row = nullptr;
};
using Claims = std::map<std::uint64_t, std::vector<Claim>>;  // by connection

Claims claims_of(const std::vector<LedgerContent>& ledgers) {
    Claims claims;
    for (const LedgerContent& ledger : ledgers) {
        if (!ledger.rows) {
            continue;
        }
        for (const LedgerRow& row : *ledger.rows) {
            claims[row.connection].push_back({.ledger = &ledger, .row = &row});
        }
    }
    return claims;
}

std::uint64_t surplus(std::uint64_t one, std::uint64_t other) {
    return one > other ? one - other : 0;
}

/// Why these claims cannot be true of that connection.
std::optional<std::string> contradiction(const ConnectionRecord& record, const std::vector<Claim>& claims) {
    if (claims.size() > 1) {
        return fmt::format("{} rows tell of it", claims.size());
    }
    const LedgerRow& row = *claims.front().row;
    const std::uint64_t sent = record.bytes.sent;
    if (row.bytes_in > sent || row.discarded_after_fin > sent - row.bytes_in) {
        return fmt::format("the server claims to have read {} and to have discarded {}, and {} were sent",
                           count_bytes(row.bytes_in), count_bytes(row.discarded_after_fin), count_bytes(sent));
    }
    return std::nullopt;
}

LossPlaces places_of(const ConnectionRecord& record, const LedgerRow& row) {
    const std::uint64_t sent = record.bytes.sent;
    const std::uint64_t echoed = record.bytes.echoed;
    return {.not_echoed = sent - echoed,
            .never_read = sent - row.bytes_in - row.discarded_after_fin,
            .discarded_after_fin = row.discarded_after_fin,
            .not_written = surplus(row.bytes_in, row.bytes_out),
            .not_received = surplus(row.bytes_out, record.received),
            .came_otherwise = record.received - echoed,
            .added_by_server = surplus(row.bytes_out, row.bytes_in),
            .added_on_the_way = surplus(record.received, row.bytes_out)};
}

void join(const ConnectionRecord& record, const std::vector<Claim>& claims, Reconciliation& result) {
    const std::uint64_t not_echoed = record.bytes.sent - record.bytes.echoed;
    const LossPlaces unexplained{.not_echoed = not_echoed, .unexplained = not_echoed};
    if (claims.empty()) {
        // Nobody can know a connection on which nothing was sent.
        if (record.bytes.sent > 0) {
            result.without_row.add({.connection = record.connection,
                                    .lane = record.lane,
                                    .sent = record.bytes.sent,
                                    .echoed = record.bytes.echoed});
            result.places += unexplained;
        }
        return;
    }
    const Claim& claim = claims.front();
    if (auto text = contradiction(record, claims)) {
        result.contradictions.add(
            {.connection = record.connection, .ledger = claim.ledger->name, .text = *std::move(text)});
        result.places += unexplained;
        return;
    }
    const Reconciled one{.connection = record.connection,
                         .sent = record.bytes.sent,
                         .echoed = record.bytes.echoed,
                         .received = record.received,
                         .ledger = claim.ledger->name,
                         .row = *claim.row,
                         .places = places_of(record, *claim.row)};
    result.places += one.places;
    result.connections.add(one);
}

}  // namespace

LossPlaces& LossPlaces::operator+=(const LossPlaces& other) noexcept {
    not_echoed += other.not_echoed;
    never_read += other.never_read;
    discarded_after_fin += other.discarded_after_fin;
    not_written += other.not_written;
    not_received += other.not_received;
    came_otherwise += other.came_otherwise;
    unexplained += other.unexplained;
    added_by_server += other.added_by_server;
    added_on_the_way += other.added_on_the_way;
    return *this;
}

bool Reconciliation::is_balanced() const noexcept {
    const bool is_all_read = without_row.count() == 0 || std::ranges::all_of(ledgers, [](const LedgerSource& ledger) {
                                 return ledger.error.empty();
                             });
    return places.adds_up() && places.unexplained == 0 && contradictions.count() == 0 && is_all_read;
}

Reconciliation reconcile(const Bounded<ConnectionRecord>& connections, const ByteCounts& whole,
                         const std::vector<LedgerContent>& ledgers) {
    Reconciliation result;
    for (const LedgerContent& ledger : ledgers) {
        result.ledgers.push_back({.name = ledger.name,
                                  .rows = ledger.rows ? ledger.rows->size() : 0,
                                  .error = ledger.rows ? std::string() : ledger.rows.error()});
    }
    Claims claims = claims_of(ledgers);
    std::uint64_t left = whole.sent - whole.echoed;
    for (const ConnectionRecord& record : connections.first) {
        left -= record.bytes.sent - record.bytes.echoed;
        join(record, claims[record.connection], result);
        claims.erase(record.connection);
    }
    result.beyond = connections.left_out;
    result.places += {.not_echoed = left, .unexplained = left};
    // They may be of connections that we have no record of.
    if (result.beyond == 0) {
        for (const auto& [connection, rows] : claims) {
            result.contradictions.add({.connection = connection,
                                       .ledger = rows.front().ledger->name,
                                       .text = "this watch has made no such connection"});
        }
    }
    return result;
}

std::uint64_t count_missing(const Bounded<ConnectionRecord>& connections, const std::vector<LedgerContent>& ledgers) {
    std::unordered_set<std::uint64_t> known;
    for (const LedgerContent& ledger : ledgers) {
        if (!ledger.rows) {
            continue;
        }
        for (const LedgerRow& row : *ledger.rows) {
            known.insert(row.connection);
        }
    }
    const auto missing = std::ranges::count_if(connections.first, [&known](const ConnectionRecord& record) {
        return record.bytes.sent > 0 && !known.contains(record.connection);
    });
    return static_cast<std::uint64_t>(missing);
}

}  // namespace mynah::client::watch
