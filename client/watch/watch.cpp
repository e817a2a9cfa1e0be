#include "client/watch/watch.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/descriptor_limit.hpp"
#include "client/load/dial.hpp"
#include "client/report_file.hpp"
#include "client/watch/ledger_file.hpp"
#include "client/watch/ledger_wait.hpp"
#include "client/watch/options.hpp"
#include "client/watch/reconciliation.hpp"
#include "client/watch/report.hpp"
#include "client/watch/watcher.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client::watch {
namespace {

conc::Task<void> add_ledgers(Report* report, const Console* console, conc::Context abort) {
    LedgerWait what{.paths = report->options.ledger_paths,
                    .run = report->run,
                    .connections = &report->connections,
                    .patience = report->options.timeout};
    const auto contents = co_await wait_for_ledgers(std::move(what), console, std::move(abort));
    report->reconciliation = reconcile(report->connections, report->bytes, contents);
}

}  // namespace

conc::Task<ExitStatus> run_watch(Options options, Console* console, conc::Context stop, conc::Context abort) {
    if (const auto problem = load::provide_descriptors(options.connections)) {
        console->complain(*problem);
        co_return ExitStatus::usage;
    }
    // Before the watch, which may take long.
    for (const std::string& path : options.ledger_paths) {
        if (const auto problem = check_ledger(path)) {
            console->complain("--ledger: " + *problem);
            co_return ExitStatus::usage;
        }
    }
    ReportFile json(options.json_path);
    ReportFile html(options.html_path);
    if (!are_well({&json, &html}, *console)) {
        co_return ExitStatus::usage;
    }
    Watcher watcher(std::move(options), console, std::move(stop), abort);
    Report report = co_await watcher.run();
    if (!report.options.ledger_paths.empty() && report.not_connected.empty()) {
        co_await add_ledgers(&report, console, std::move(abort));
    }
    ExitStatus status = status_of(report);
    if (report.not_connected.empty()) {
        const auto written = co_await console->output().print(to_text(report));
        if (!written) {
            console->complain_of_output(written.error());
            status = ExitStatus::mismatch;
        }
    } else {
        console->complain(fmt::format("{} to {}{}", load::kCannotConnect, report.options.address.to_string(),
                                      report.not_connected.substr(load::kCannotConnect.size())));
    }
    json.write([&report] { return to_json(report); });
    html.write([&report] { return to_html(report); });
    if (!are_well({&json, &html}, *console)) {
        status = ExitStatus::mismatch;
    }
    co_return status;
}

}  // namespace mynah::client::watch
