#include "client/watch/ledger_wait.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/counted.hpp"
#include "client/duration.hpp"
#include "client/watch/ledger_file.hpp"
#include "client/watch/reconciliation.hpp"
#include "conc/blocking.hpp"
#include "conc/context.hpp"
#include "conc/event_source.hpp"
#include "conc/scheduler.hpp"
#include "conc/select.hpp"
#include "conc/select_case.hpp"
#include "conc/sleep.hpp"
#include "conc/task.hpp"

namespace mynah::client::watch {
namespace {

constexpr conc::Duration kBetweenLooks = std::chrono::milliseconds(50);
// Most rows are there sooner, and then there is nothing to tell.
constexpr conc::Duration kSilence = std::chrono::milliseconds(500);

std::vector<LedgerContent> read_all(const std::vector<std::string>& paths, std::uint64_t run) {
    std::vector<LedgerContent> contents;
    for (const std::string& path : paths) {
        contents.push_back({.name = path, .rows = read_ledger(path, run)});
    }
    return contents;
}

}  // namespace

conc::Task<std::vector<LedgerContent>> wait_for_ledgers(LedgerWait what, const Console* console, conc::Context abort) {
    const conc::TimePoint began = conc::now();
    const auto read = [&what] { return read_all(what.paths, what.run); };
    bool told = false;
    for (;;) {
        std::vector<LedgerContent> contents = co_await conc::blocking(read);
        const std::uint64_t missing = count_missing(*what.connections, contents);
        const conc::Duration waited = conc::now() - began;
        if (missing == 0 || waited >= what.patience || abort.err()) {
            co_return contents;
        }
        if (!told && waited >= kSilence) {
            told = true;
            console->note(fmt::format("waiting up to {} for the ledger's rows of {}", format_duration(what.patience),
                                      count_of(missing, "connection")));
        }
        co_await conc::select(conc::after(kBetweenLooks), abort.done());
    }
}

}  // namespace mynah::client::watch
