#include "server/ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "conc/blocking.hpp"
#include "conc/task.hpp"
#include "server/ledger_database.hpp"
#include "server/logging.hpp"
#include "server/logging_options.hpp"
#include "server/session_record.hpp"

namespace mynah::server {
namespace {

// Lambdas that capture are named before they are awaited: GCC 12 destroys them twice otherwise (PR101367).
conc::Task<std::expected<LedgerDatabase, std::string>> open_database(std::string path) {
    const auto open = [path] { return LedgerDatabase::open(path); };
    auto opened = co_await conc::blocking(open);
    if (opened) {
        log_event(LogLevel::info, "ledger opened", {{"path", path}});
    } else {
        log_event(LogLevel::warn, "ledger not opened, sessions will not be recorded", {{"reason", opened.error()}});
    }
    co_return std::move(opened);
}

}  // namespace

Ledger::Ledger(std::string path) : path_(std::move(path)), database_([this] { return open_database(path_); }) {}

void Ledger::record(SessionRecord record) {
    recorded_.fetch_add(1);
    if (!queue_.try_send(std::move(record))) {
        lose(1, "the ledger is slower than sessions end");
    }
}

conc::Task<void> Ledger::run() {
    while (auto first = co_await queue_.recv()) {
        std::vector<SessionRecord> batch;
        batch.push_back(std::move(*first));
        while (batch.size() < kBatch) {
            auto next = queue_.try_recv();
            if (!next) {
                break;
            }
            batch.push_back(std::move(*next));
        }
        co_await write(std::move(batch));
    }
    if (Opened* database = database_.peek(); database != nullptr && database->has_value()) {
        const auto close = [database] { return (*database)->close(); };
        const auto closed = co_await conc::blocking(close);
        if (!closed) {
            log_event(LogLevel::warn, "ledger not closed", {{"reason", closed.error()}});
        }
    }
}

conc::Task<void> Ledger::write(std::vector<SessionRecord> batch) {
    Opened& database = co_await database_.get();
    if (!database) {
        lose(batch.size(), database.error());
        co_return;
    }
    if (gave_up_) {
        lose(batch.size(), "the ledger failed while the daemon was stopping");
        co_return;
    }
    const auto insert = [&database, &batch] { return database->insert(batch); };
    const auto inserted = co_await conc::blocking(insert);
    if (inserted) {
        written_.fetch_add(batch.size());
    } else {
        lose(batch.size(), inserted.error());
        gave_up_ = closing_.load();  // each further try could take SQLite's whole busy timeout
    }
}

void Ledger::lose(std::size_t records, const std::string& why) {
    const std::uint64_t lost = lost_.fetch_add(records) + records;
    if (throttle_.count_one()) {
        log_event(LogLevel::warn, "ledger rows lost", {{"lost", lost}, {"reason", why}});
    }
}

}  // namespace mynah::server
