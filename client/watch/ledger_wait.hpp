// ledger_wait.hpp -- reads the ledgers at the end of a watch, once the servers have written what they know.
//
// What     A server writes a row after its session's end, in batches, and at the latest at the end of its drain. So the
//          ledgers are read again until every connection that has sent anything has its row, or the patience is over.
// Threads  one task; the files are read off the scheduler.
// Cancel   `abort` ends the waiting: what has been read by then is the result.
// Errors   in each LedgerContent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/console.hpp"
#include "client/watch/account.hpp"
#include "client/watch/reconciliation.hpp"
#include "client/watch/records.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/task.hpp"

namespace mynah::client::watch {

struct LedgerWait {
    std::vector<std::string> paths = {};
    std::uint64_t run = 0;
    const Bounded<ConnectionRecord>* connections = nullptr;
    conc::Duration patience{0};
};

/// One content for each path, in their order. What the pointers point to must live until it returns.
conc::Task<std::vector<LedgerContent>> wait_for_ledgers(LedgerWait what, const Console* console, conc::Context abort);

}  // namespace mynah::client::watch
