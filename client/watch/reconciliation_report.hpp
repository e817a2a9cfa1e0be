// reconciliation_report.hpp -- what a watch's reports say of the servers' ledgers.
//
// What     each is a part of a report: a table for the terminal, the object "ledger" of mynah-watch/1, a section of the
//          page, and what has to be remarked.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/watch/reconciliation.hpp"

namespace mynah::client::watch {

std::string ledger_text(const Reconciliation& reconciliation);
nlohmann::ordered_json ledger_json(const Reconciliation& reconciliation);
std::string ledger_html(const Reconciliation& reconciliation);

/// A sentence each.
std::vector<std::string> ledger_remarks(const Reconciliation& reconciliation);

}  // namespace mynah::client::watch
