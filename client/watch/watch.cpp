#include "client/watch/watch.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "client/console.hpp"
#include "client/exit_status.hpp"
#include "client/load/descriptor_limit.hpp"
#include "client/load/dial.hpp"
#include "client/report_file.hpp"
#include "client/watch/options.hpp"
#include "client/watch/report.hpp"
#include "client/watch/watcher.hpp"
#include "conc/context.hpp"
#include "conc/task.hpp"

namespace mynah::client::watch {

conc::Task<ExitStatus> run_watch(Options options, Console* console, conc::Context stop, conc::Context abort) {
    if (const auto problem = load::provide_descriptors(options.connections)) {
        console->complain(*problem);
        co_return ExitStatus::usage;
    }
    // Before the watch, which may take long.
    ReportFile json(options.json_path);
    ReportFile html(options.html_path);
    if (!are_well({&json, &html}, *console)) {
        co_return ExitStatus::usage;
    }
    Watcher watcher(std::move(options), console, std::move(stop), std::move(abort));
    const Report report = co_await watcher.run();
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
